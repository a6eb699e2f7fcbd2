//! Refusals: whoever is logged in keeps the menu, and finds the way back.

use super::house::Visitors;
use super::*;

#[tokio::test]
async fn a_refusal_keeps_the_menu_and_leads_back() {
    let house = Visitors::of(state_of(settled())).await;
    let remove = format!("/devices/{}/remove", device(1).id);
    for (referer, back) in [
        ("http://10.0.0.2:5004/channels?q=a&note=saved", Some("href=\"/channels?q=a\">Back<")),
        ("http://evil.example/channels", None),
        ("http://10.0.0.2:5004//evil.example/", None),
    ] {
        let mut request = house.raw(&remove, "application/x-www-form-urlencoded", "");
        request.headers_mut().insert("referer", referer.parse().unwrap());
        let response = house.app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::CONFLICT);
        assert_eq!(response.headers()["cache-control"], "no-store");
        let shown = text(response).await;
        assert!(shown.contains("The first device stays") && shown.contains("href=\"/playlists\""), "{shown}");
        assert!(shown.contains("To the start") && !shown.contains("evil"), "{shown}");
        assert_eq!(shown.contains(">Back<"), back.is_some(), "{referer}: {shown}");
        assert!(back.is_none_or(|back| shown.contains(back)), "{shown}");
    }
    let (status, shown) = house.refused("/jobs/99/cancel", &[]).await;
    assert!(status == 404 && shown.contains("Log out"), "{shown}");
}

#[tokio::test]
async fn a_refusal_of_a_stranger_has_no_menu() {
    let app = app(1, settled());
    cookie(&app).await;
    let (status, shown) = {
        let response = app.clone().oneshot(form("POST", "/channels/bulk", "", &[])).await.unwrap();
        (response.status(), text(response).await)
    };
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(shown.contains("To the start") && !shown.contains("Log out") && !shown.contains("href=\"/playlists\""), "{shown}");
}
