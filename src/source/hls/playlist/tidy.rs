//! Playlists as `m3u8-rs` understands them. It takes a broken tag for an address and a comma in a title for the end of a
//! line, refuses `METHOD=NONE` as the standard writes it, and forgets whether a key or a map came first; servers write all of
//! that. Pure.

/// Marks a map that came before the key of the same segment, and is therefore not encrypted with it.
pub(super) const EARLY: &str = "X-EARLY";

/// Tags without attributes that are passed on as they are. All else (dates, advertisements, low-latency parts) says nothing
/// that is needed.
const PLAIN: [&str; 3] = ["#EXT-X-DISCONTINUITY", "#EXT-X-ENDLIST", "#EXT-X-I-FRAMES-ONLY"];
/// Tags with a number.
const NUMBERS: [&str; 2] = ["#EXT-X-MEDIA-SEQUENCE:", "#EXT-X-DISCONTINUITY-SEQUENCE:"];

/// Clean lines for what matters.
pub(super) fn tidy(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut tidy = Tidy { out: String::with_capacity(text.len() + 16), keys: Vec::new(), map: None };
    tidy.push(&["#EXTM3U"]);
    let text = text.trim_start_matches('\u{FEFF}');
    for line in text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()) {
        tidy.line(line);
    }
    tidy.out
}

struct Tidy {
    out: String,
    /// Keys since the last address: format and line.
    keys: Vec<(String, String)>,
    /// A map since the last address, and whether a key came before it.
    map: Option<(String, bool)>,
}

impl Tidy {
    fn push(&mut self, parts: &[&str]) {
        self.out.extend(parts.iter().copied());
        self.out.push('\n');
    }

    fn line(&mut self, line: &str) {
        if !line.starts_with('#') {
            self.address(line);
        } else if PLAIN.contains(&line) {
            self.push(&[line]);
        } else if line == "#EXT-X-GAP" {
            // With a value, as the library takes the line's end for one.
            self.push(&["#EXT-X-GAP:1"]);
        } else if let Some(value) = line.strip_prefix("#EXTINF:") {
            self.push(&["#EXTINF:", &format!("{:.3}", seconds(value)), ","]);
        } else if let Some(value) = line.strip_prefix("#EXT-X-TARGETDURATION:") {
            self.push(&["#EXT-X-TARGETDURATION:", &format!("{:.0}", seconds(value).ceil())]);
        } else if let Some(value) = line.strip_prefix("#EXT-X-BYTERANGE:") {
            if range(value) {
                self.push(&["#EXT-X-BYTERANGE:", value]);
            }
        } else if let Some((tag, value)) = NUMBERS.iter().find_map(|tag| Some((tag, line.strip_prefix(tag)?))) {
            if value.parse::<u64>().is_ok() {
                self.push(&[tag, value]);
            }
        } else if let Some(list) = line.strip_prefix("#EXT-X-STREAM-INF:") {
            self.variant(&Attributes::parse(list));
        } else if let Some(list) = line.strip_prefix("#EXT-X-MEDIA:") {
            self.media(&Attributes::parse(list));
        } else if let Some(list) = line.strip_prefix("#EXT-X-KEY:") {
            self.key(&Attributes::parse(list));
        } else if let Some(list) = line.strip_prefix("#EXT-X-MAP:") {
            let list = Attributes::parse(list);
            let bytes = list.get("BYTERANGE").filter(|value| range(value));
            let map = quoted(&[("URI", list.get("URI")), ("BYTERANGE", bytes)]);
            self.map = Some((map, !self.keys.is_empty()));
        }
    }

    fn address(&mut self, address: &str) {
        // Of several keys for the same segments the one that needs no licence server; a playlist that has no such key must
        // not pass for a clear one.
        let identity = self.keys.iter().rposition(|(format, _)| format.is_empty() || format == "identity");
        let key = identity.or(self.keys.len().checked_sub(1)).and_then(|index| self.keys.get(index).cloned());
        self.keys.clear();
        if let Some((_, line)) = &key {
            self.push(&["#EXT-X-KEY:", line]);
        }
        if let Some((line, after_key)) = self.map.take() {
            let early = if key.is_some() && !after_key { [",", EARLY, "=YES"].concat() } else { String::new() };
            self.push(&["#EXT-X-MAP:", &line, &early]);
        }
        self.push(&[address]);
    }

    fn variant(&mut self, list: &Attributes) {
        let bandwidth = list.get("BANDWIDTH").and_then(|value| value.parse::<f64>().ok()).unwrap_or(0.0).max(0.0);
        let size = list.get("RESOLUTION").and_then(|value| value.split_once(['x', 'X']));
        let size = size.filter(|(width, height)| width.parse::<u32>().is_ok() && height.parse::<u32>().is_ok());
        let size = size.map(|(width, height)| format!(",RESOLUTION={width}x{height}")).unwrap_or_default();
        let texts = quoted(&[("CODECS", list.get("CODECS")), ("AUDIO", list.get("AUDIO"))]);
        let comma = if texts.is_empty() { "" } else { "," };
        self.push(&["#EXT-X-STREAM-INF:BANDWIDTH=", &format!("{bandwidth:.0}"), &size, comma, &texts]);
    }

    fn media(&mut self, list: &Attributes) {
        if list.get("TYPE") != Some("AUDIO") {
            return;
        }
        let yes = |name: &str| if list.get(name) == Some("YES") { "YES" } else { "NO" };
        let texts = quoted(&[
            ("GROUP-ID", list.get("GROUP-ID")),
            ("NAME", Some("audio")),
            ("URI", list.get("URI")),
            ("LANGUAGE", list.get("LANGUAGE")),
        ]);
        self.push(&["#EXT-X-MEDIA:TYPE=AUDIO,DEFAULT=", yes("DEFAULT"), ",AUTOSELECT=", yes("AUTOSELECT"), ",", &texts]);
    }

    fn key(&mut self, list: &Attributes) {
        let method = list.get("METHOD").unwrap_or("UNKNOWN");
        // The library asks for a vector with NONE, and only there.
        let iv = list.get("IV").or((method == "NONE").then_some("0x0"));
        let iv = iv.map(|iv| format!(",IV={iv}")).unwrap_or_default();
        let format = list.get("KEYFORMAT").unwrap_or_default();
        let texts = quoted(&[("URI", list.get("URI")), ("KEYFORMAT", Some(format))]);
        let comma = if texts.is_empty() { "" } else { "," };
        self.keys.push((format.to_owned(), ["METHOD=", method, &iv, comma, &texts].concat()));
    }
}

/// An attribute list (RFC 8216, 4.2), taken as it comes.
struct Attributes<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Attributes<'a> {
    fn parse(mut text: &'a str) -> Self {
        let mut list = Vec::new();
        while let Some((name, rest)) = text.split_once('=') {
            let rest = rest.trim_start();
            let (value, after) = match rest.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
                None => {
                    let end = rest.find(',').unwrap_or(rest.len());
                    rest.split_at(end)
                }
            };
            list.push((name.trim_matches([',', ' ', '\t']), value.trim()));
            text = after.split_once(',').map_or("", |(_, next)| next);
        }
        Self(list)
    }

    /// The last of that name; none if it is empty.
    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().rfind(|(given, _)| *given == name).map(|(_, value)| *value).filter(|value| !value.is_empty())
    }
}

/// Attributes in quotes, those without a value left out.
fn quoted(list: &[(&str, Option<&str>)]) -> String {
    let given = list.iter().filter_map(|(name, value)| Some(format!("{name}=\"{}\"", value.filter(|value| !value.is_empty())?)));
    given.collect::<Vec<_>>().join(",")
}

/// `n` or `n@o`.
fn range(value: &str) -> bool {
    let (count, first) = value.split_once('@').unwrap_or((value, "0"));
    count.parse::<u64>().is_ok() && first.parse::<u64>().is_ok()
}

/// The number in front of a title; 0 where there is none.
fn seconds(value: &str) -> f64 {
    let number = value.split(',').next().unwrap_or_default().trim();
    number.parse::<f64>().ok().filter(|seconds| seconds.is_finite() && *seconds >= 0.0).unwrap_or(0.0).min(1e6)
}
