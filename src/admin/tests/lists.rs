//! Playlists on their pages and in the first run, where something is not as it should be.

use super::pages::Pages;
use super::*;

const LIST: &str = "#EXTM3U\n#EXTINF:-1 group-title=\"News\",One\nhttp://h/1\n#EXTINF:-1 group-title=\"Sport\",Two\nhttp://h/2\n";

fn names(house: &Pages) -> Vec<String> {
    house.store.catalog().channels.iter().map(|channel| channel.name.clone()).collect()
}

#[tokio::test]
async fn a_group_that_is_not_marked_any_more_goes_though_all_is_still_chosen() {
    let house = Pages::new().await;
    let id = house.with_list(LIST).await;
    for path in [format!("/playlists/{id}"), format!("/welcome/groups?playlist={id}")] {
        let shown = house.seen(&path).await;
        assert!(shown.contains("name=\"shown\" value=\"2\""), "{path}: {shown}");
    }
    let as_shown = [("channels", "all"), ("shown", "2"), ("group", "News"), ("group", "Sport")];
    assert_eq!(house.send(&format!("/playlists/{id}/rules"), &as_shown).await.0, 303);
    assert_eq!(names(&house), ["One", "Two"]);
    let picked = [("channels", "all"), ("shown", "2"), ("group", "News"), ("welcome", "1")];
    assert_eq!(house.send(&format!("/playlists/{id}/rules"), &picked).await, (303, "/welcome/guide?note=saved".into()));
    assert_eq!(names(&house), ["One"]);
    let shown = house.seen(&format!("/playlists/{id}")).await;
    assert!(shown.contains("value=\"groups\" checked") && shown.contains("value=\"Sport\">"), "{shown}");
}
