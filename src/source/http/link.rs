//! What radio stations hand out in place of a stream: a small text with its address (M3U, PLS, or nothing but the address). Pure.

use url::Url;

/// The only address in a text that came from `base`; `None` for a playlist of HLS, and for one that lists several things to play.
pub fn only(text: &[u8], base: &Url) -> Option<Url> {
    let text = String::from_utf8_lossy(text);
    if text.contains("#EXT-X-") {
        return None;
    }
    let lines = text.trim_start_matches('\u{FEFF}').lines().map(str::trim);
    let pls = text.trim_start_matches('\u{FEFF}').trim_start().to_ascii_lowercase().starts_with("[playlist]");
    let mut links: Vec<Url> = if pls {
        let files = lines.filter_map(|line| line.split_once('=')).filter(|(key, _)| key.to_ascii_lowercase().starts_with("file"));
        files.filter_map(|(_, link)| resolve(link, base)).collect()
    } else {
        lines.filter(|line| !line.is_empty() && !line.starts_with('#')).filter_map(|line| resolve(line, base)).collect()
    };
    // Mirrors of one station are common in PLS: the first is as good as any.
    let several = !pls && links.len() > 1;
    (!several && !links.is_empty()).then(|| links.swap_remove(0)).filter(|link| link != base)
}

fn resolve(link: &str, base: &Url) -> Option<Url> {
    let mut url = base.join(link.trim()).ok()?;
    url.set_fragment(None);
    matches!(url.scheme(), "http" | "https").then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::m3u("#EXTM3U\n#EXTINF:-1,Radio One\nhttp://ice.example/one.mp3\n", Some("http://ice.example/one.mp3"))]
    #[case::relative("#EXTM3U\r\n#EXTINF:-1,Radio One\r\n/one.aac\r\n", Some("http://h/one.aac"))]
    #[case::bare("http://ice.example/one.mp3\n", Some("http://ice.example/one.mp3"))]
    #[case::pls(
        "[playlist]\nNumberOfEntries=2\nFile1=https://a/1\nTitle1=One\nFile2=https://b/1\nVersion=2\n",
        Some("https://a/1")
    )]
    #[case::several("#EXTM3U\n#EXTINF:-1,One\nhttp://a/1\n#EXTINF:-1,Two\nhttp://a/2\n", None)]
    #[case::hls("#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\nseg.ts\n", None)]
    #[case::itself("#EXTM3U\nhttp://h/list.m3u\n", None)]
    #[case::a_file_of_this_machine("#EXTM3U\nfile:///etc/passwd\n", None)]
    #[case::nothing("#EXTM3U\n", None)]
    fn links(#[case] text: &str, #[case] link: Option<&str>) {
        let base = Url::parse("http://h/list.m3u").unwrap();
        assert_eq!(only(text.as_bytes(), &base).as_ref().map(Url::as_str), link);
    }
}
