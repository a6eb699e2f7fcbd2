//! Finds the paths that a Rust file names: in `use`, and inline. Comments, strings and what only tests see do not count.

use std::str::FromStr;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// A path of two segments or more, or one that is imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// Its segments; `self` and `super` resolved to `crate::…`.
    pub path: Vec<String>,
    /// Line, from 1.
    pub line: usize,
}

/// All paths of a file that is `module`.
///
/// # Errors
/// When the text does not split into Rust's tokens.
pub fn uses(text: &str, module: &[&str]) -> Result<Vec<Use>, String> {
    let stream = TokenStream::from_str(text).map_err(|error| error.to_string())?;
    let mut scan = Scan { module: module.iter().map(|part| (*part).to_owned()).collect(), found: Vec::new() };
    scan.walk(stream);
    Ok(scan.found)
}

struct Scan {
    module: Vec<String>,
    found: Vec<Use>,
}

impl Scan {
    fn walk(&mut self, stream: TokenStream) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '#' => match attribute(&tokens, at) {
                    Some((group, next)) if only_for_tests(group) => at = after_item(&tokens, next),
                    Some((group, next)) => {
                        self.walk(group.stream());
                        at = next;
                    }
                    None => at += 1,
                },
                TokenTree::Ident(word) if word == "use" && !is_punct(&tokens, at + 1, '<') => at = self.import(&tokens, at + 1),
                TokenTree::Ident(word) if word == "mod" => match (tokens.get(at + 1), tokens.get(at + 2)) {
                    (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) => {
                        self.module.push(name.to_string());
                        self.walk(body.stream());
                        self.module.pop();
                        at += 3;
                    }
                    _ => at += 1,
                },
                TokenTree::Ident(_) if follows_dot(&tokens, at) => at += 1,
                TokenTree::Ident(_) => at = self.inline(&tokens, at),
                TokenTree::Group(group) => {
                    self.walk(group.stream());
                    at += 1;
                }
                _ => at += 1,
            }
        }
    }

    /// `a::b::c` in the middle of code; returns where it ends.
    fn inline(&mut self, tokens: &[TokenTree], start: usize) -> usize {
        let mut path = Vec::new();
        let mut at = start;
        while let Some(TokenTree::Ident(word)) = tokens.get(at) {
            path.push(word.to_string());
            at += 1;
            if !is_path_separator(tokens, at) || !matches!(tokens.get(at + 2), Some(TokenTree::Ident(_))) {
                break;
            }
            at += 2;
        }
        if path.len() > 1 {
            self.record(path, tokens.get(start));
        }
        at
    }

    /// The tree after `use`, up to its semicolon; returns where it ends.
    fn import(&mut self, tokens: &[TokenTree], start: usize) -> usize {
        let end = (start..tokens.len()).find(|at| is_punct(tokens, *at, ';')).unwrap_or(tokens.len());
        self.import_tree(&tokens[start..end], &[]);
        end + 1
    }

    fn import_tree(&mut self, tokens: &[TokenTree], prefix: &[String]) {
        let mut path = prefix.to_vec();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            match token {
                TokenTree::Ident(word) if word == "as" => break,
                TokenTree::Ident(word) => path.push(word.to_string()),
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
                    for branch in inner.split(is_comma).filter(|branch| !branch.is_empty()) {
                        self.import_tree(branch, &path);
                    }
                    return;
                }
                TokenTree::Punct(punct) if punct.as_char() == '*' => path.push("*".to_owned()),
                _ => {}
            }
            at += 1;
        }
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        self.record(path, tokens.first());
    }

    fn record(&mut self, path: Vec<String>, at: Option<&TokenTree>) {
        let mut rest = path.as_slice();
        let mut resolved = Vec::new();
        if let Some(first) = rest.first().filter(|first| *first == "self" || *first == "super") {
            let mut base = self.module.clone();
            if first == "self" {
                rest = &rest[1..];
            }
            while rest.first().is_some_and(|part| part == "super") {
                base.pop();
                rest = &rest[1..];
            }
            resolved.push("crate".to_owned());
            resolved.append(&mut base);
        }
        resolved.extend_from_slice(rest);
        let line = at.map_or(0, |token| token.span().start().line);
        self.found.push(Use { path: resolved, line });
    }
}

fn is_punct(tokens: &[TokenTree], at: usize, sign: char) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

fn is_path_separator(tokens: &[TokenTree], at: usize) -> bool {
    is_punct(tokens, at, ':') && is_punct(tokens, at + 1, ':')
}

/// Whether the word at `at` is a field or a method; after a range (`0..MAX`) it is not.
fn follows_dot(tokens: &[TokenTree], at: usize) -> bool {
    at > 0 && is_punct(tokens, at - 1, '.') && !(at > 1 && is_punct(tokens, at - 2, '.'))
}

/// The brackets of the attribute that begins at `at`, and what comes after it.
fn attribute(tokens: &[TokenTree], at: usize) -> Option<(&Group, usize)> {
    let open = if is_punct(tokens, at + 1, '!') { at + 2 } else { at + 1 };
    match tokens.get(open) {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket => Some((group, open + 1)),
        _ => None,
    }
}

/// `cfg(test)` and `cfg(all(test, …))`.
fn only_for_tests(attribute: &Group) -> bool {
    let text: String = attribute.stream().to_string().split_whitespace().collect();
    text == "cfg(test)" || text.starts_with("cfg(all(test,") || text == "test" || text == "tokio::test"
}

/// Skips further attributes and one item: up to its semicolon or its body.
fn after_item(tokens: &[TokenTree], mut at: usize) -> usize {
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Punct(punct) if punct.as_char() == ';' => break,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => break,
            _ => {}
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::uses;

    fn found(text: &str) -> Vec<String> {
        uses(text, &["store", "writer"]).expect("it is Rust").iter().map(|found| found.path.join("::")).collect()
    }

    #[rstest::rstest]
    #[case("use crate::model::Channel;", &["crate::model::Channel"])]
    #[case("use crate::{model::{self, ids as i}, ts::*};", &["crate::model", "crate::model::ids", "crate::ts::*"])]
    #[case("fn f(x: crate::http::Peer) {}", &["crate::http::Peer"])]
    #[case("fn f() { vec![crate::cli::X] }", &["crate::cli::X"])]
    #[case("use super::error::E;", &["crate::store::error::E"])]
    #[case("use super::super::admin;", &["crate::admin"])]
    #[case("use self::batch::B;", &["crate::store::writer::batch::B"])]
    #[case("mod inner { use super::super::super::admin::X; }", &["crate::admin::X"])]
    #[case("fn f() { std::thread::spawn(g); }", &["std::thread::spawn"])]
    #[case("fn f() { a.b::<crate::ts::P>(); }", &["crate::ts::P"])]
    #[case("fn f() { 0..crate::ts::PACKET }", &["crate::ts::PACKET"])]
    #[case("#[derive(serde::Serialize)] struct S;", &["serde::Serialize"])]
    fn paths_are_found(#[case] text: &str, #[case] expected: &[&str]) {
        assert_eq!(found(text), expected);
    }

    #[rstest::rstest]
    #[case("// use crate::admin::X;")]
    #[case("/* crate::admin::X */ /// [`crate::admin::X`]")]
    #[case("//! crate::admin\n#![doc = \"crate::admin::X\"]")]
    #[case("fn f() { \"crate::admin::X\" }")]
    #[case("fn f() { r#\"crate::admin::X\"# }")]
    #[case("#[cfg(test)] mod tests { use crate::admin::X; }")]
    #[case("#[cfg(test)] use crate::admin::X;")]
    #[case("#[cfg(test)] #[allow(dead_code)] fn f() { crate::admin::x() }")]
    #[case("#[cfg(all(test, unix))] mod tests { use crate::admin::X; }")]
    fn comments_strings_and_tests_do_not_count(#[case] text: &str) {
        assert_eq!(found(text), Vec::<String>::new());
    }

    #[test]
    fn code_after_a_test_item_counts_again() {
        assert_eq!(found("#[cfg(test)] mod tests; use crate::ts::X;"), ["crate::ts::X"]);
        assert_eq!(found("#[cfg(test)] mod tests {} use crate::ts::X;"), ["crate::ts::X"]);
    }

    #[test]
    fn lines_are_told() {
        assert_eq!(uses("\n\nuse crate::ts::X;", &[]).expect("it is Rust")[0].line, 3);
    }
}
