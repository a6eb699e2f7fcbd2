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

#[tokio::test]
async fn a_user_goes_into_the_address_and_no_two_lists_have_one_name() {
    let house = Pages::new().await;
    let base = [("location", "http://127.0.0.1:9/a.m3u"), ("user", "me"), ("user_password", "hunter2:@")];
    assert_eq!(house.send("/playlists", &base).await.0, 303);
    let account = [("server", "http://127.0.0.1:9"), ("username", "me"), ("password", SECRET), ("name", "")];
    assert_eq!(house.send("/playlists", &account).await.0, 303);
    let named = [("server", "http://127.0.0.1:9"), ("username", "you"), ("password", SECRET), ("name", "Panel")];
    assert_eq!(house.send("/playlists", &named).await.0, 303);
    assert_eq!(house.send("/guide/sources", &[("location", "http://127.0.0.1:9/guide.xml")]).await.0, 303);
    let lists = house.store.playlists().await.unwrap();
    let names: Vec<&str> = lists.iter().map(|list| list.provider.name.as_str()).collect();
    assert_eq!(names, ["127.0.0.1", "127.0.0.1 2", "Panel"]);
    assert_eq!(lists[0].provider.location, "http://me:hunter2%3A%40@127.0.0.1:9/a.m3u");
    assert_eq!(house.store.guides().await.unwrap()[0].name, "127.0.0.1 3");
    for (location, word) in [("http://me:hunter2@h/x.m3u", "has a user already"), ("/home/x.m3u", "A path on the box has none")] {
        let fields = [("location", location), ("user", "me"), ("user_password", SECRET), ("csrf", &house.admin.1)];
        let response = house.app.clone().oneshot(form("POST", "/playlists", &house.admin.0, &fields)).await.unwrap();
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY, "{location}");
        let shown = text(response).await;
        assert!(shown.contains(word) && !shown.contains(SECRET) && shown.contains("name=\"user\" value=\"me\""), "{shown}");
    }
}
