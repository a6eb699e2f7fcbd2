//! The page of a channel: its guide and its sources.

use super::pages::{LIST, Pages};
use super::*;

/// The radio of a choice, up to its end.
fn radio<'a>(shown: &'a str, value: &str) -> &'a str {
    let from = shown.find(&format!("name=\"choice\" value=\"{value}\"")).unwrap_or_else(|| panic!("{value} in {shown}"));
    shown[from..].split('>').next().unwrap()
}

#[tokio::test]
async fn the_guide_that_is_marked_is_the_one_that_was_chosen() {
    let house = Pages::new().await;
    house.with_list(LIST).await;
    let one = house.store.catalog().channel(&"5".parse().unwrap()).unwrap().id.0;
    // Two guides with the same ids, as those of two playlists of one provider.
    let first = house.with_guide("East", &[("one.de", "One HD"), ("two.de", "Two")]).await.0;
    let second = house.with_guide("West", &[("one.de", "One TV"), ("two.de", "Two")]).await.0;
    for (chosen, other) in [(first, second), (second, first)] {
        let choice = format!("{chosen}:one.de");
        assert_eq!(house.send(&format!("/channels/{one}/mapping"), &[("choice", &choice)]).await.0, 303);
        let shown = house.seen(&format!("/channels/{one}")).await;
        assert!(radio(&shown, &choice).contains("checked"), "{shown}");
        assert!(!radio(&shown, &format!("{other}:one.de")).contains("checked"), "{shown}");
    }
}
