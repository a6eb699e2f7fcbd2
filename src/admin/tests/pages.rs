//! The pages: what they show to whom, and what their forms do.

use super::*;

/// A house with a real store behind it, an admin and a viewer, each as cookie and what forms carry.
pub struct Pages {
    pub app: Router,
    pub store: Store,
    pub jobs: Jobs,
    pub dir: tempfile::TempDir,
    pub admin: (String, String),
    viewer: (String, String),
}

impl Pages {
    pub async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let mut people = Vec::new();
        for role in [Role::Admin, Role::Viewer] {
            let user = store.add_user(role.word(), role, "none".into(), false).await.unwrap();
            let secret = store.log_in(user, "10.0.0.9".into(), "").await.unwrap();
            let csrf = access::cookie::csrf(secret.expose()).expose().clone();
            people.push((format!("rooftop_session={}", secret.expose()), csrf));
        }
        let state = state_with(Memory(Mutex::new(catalog(0)), Some(store.clone()), None), store.clone(), settled());
        let (viewer, admin) = (people.pop().unwrap(), people.pop().unwrap());
        Self { jobs: state.feeds.jobs.clone(), app: router(state), store, dir, admin, viewer }
    }

    /// A page as the admin sees it.
    pub async fn seen(&self, path: &str) -> String {
        let (status, text) = page(&self.app, &self.admin.0, path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        text
    }

    /// Sends a form as the admin; gives the status and where it leads.
    pub async fn send(&self, path: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let fields: Vec<(&str, &str)> = fields.iter().copied().chain([("csrf", self.admin.1.as_str())]).collect();
        let response = self.app.clone().oneshot(form("POST", path, &self.admin.0, &fields)).await.unwrap();
        let to = response.headers().get("location").map(|to| to.to_str().unwrap().to_owned()).unwrap_or_default();
        (response.status().as_u16(), to)
    }

    /// A list of this text, read.
    pub async fn with_list(&self, text: &str) -> i64 {
        let path = self.dir.path().join("list.m3u");
        std::fs::write(&path, text).unwrap();
        let (status, to) = self.send("/playlists", &[("location", path.to_str().unwrap()), ("name", "Mine <&>")]).await;
        assert_eq!(status, 303);
        let id = to.trim_start_matches("/playlists/").split('?').next().unwrap().parse().unwrap();
        for _ in 0..1000 {
            if self.store.playlist(ProviderId(id)).await.unwrap().imported_ms.is_some() {
                return id;
            }
            crate::base::clock::sleep(Duration::from_millis(10)).await;
        }
        panic!("the list is not read");
    }

    /// A guide of channels with these ids and names, read; without programmes.
    pub async fn with_guide(&self, name: &str, channels: &[(&str, &str)]) -> GuideId {
        let one = |(id, name): &(&str, &str)| format!("<channel id=\"{id}\"><display-name>{name}</display-name></channel>");
        let path = self.dir.path().join(format!("{name}.xml"));
        std::fs::write(&path, format!("<tv>{}</tv>", channels.iter().map(one).collect::<String>())).unwrap();
        let fields = [("location", path.to_str().unwrap()), ("name", name)];
        assert_eq!(self.send("/guide/sources", &fields).await.0, 303);
        for _ in 0..1000 {
            let guides = self.store.guides().await.unwrap();
            if let Some(guide) = guides.iter().find(|guide| guide.name == name && guide.imported_ms.is_some()) {
                for job in self.jobs.list() {
                    self.jobs.ended(job.id).await;
                }
                return guide.id;
            }
            crate::base::clock::sleep(Duration::from_millis(10)).await;
        }
        panic!("the guide is not read");
    }
}

pub const LIST: &str = "#EXTM3U\n#EXTINF:-1 tvg-chno=\"5\" group-title=\"News\",One\nhttp://u:hunter2@h/1?token=hunter2\n\
                    #EXTINF:-1 group-title=\"Sport\",Two\nhttp://h/2\n#EXTINF:-1 group-title=\"News\",Three\nhttp://h/3\nnonsense\n";

#[tokio::test]
async fn a_playlist_goes_through_its_forms() {
    let house = Pages::new().await;
    let id = house.with_list(LIST).await;
    let shown = house.seen(&format!("/playlists/{id}")).await;
    for word in ["Mine &#60;&#38;&#62;", "Lines not understood", "value=\"News\" checked", "Look at the items"] {
        assert!(shown.contains(word), "{word} is missing in {shown}");
    }
    let rules = [("channels", "groups"), ("group", "News"), ("leave_out", "^Three")];
    assert_eq!(house.send(&format!("/playlists/{id}/rules"), &rules).await, (303, format!("/playlists/{id}?note=saved#groups")));
    let names: Vec<String> = house.store.catalog().channels.iter().map(|channel| channel.name.clone()).collect();
    assert_eq!(names, ["One"]);
    let settings = [("name", "Other"), ("refresh_h", "0"), ("max_connections", "3"), ("active", "on")];
    assert_eq!(house.send(&format!("/playlists/{id}"), &settings).await.0, 303);
    let kept = house.store.playlist(ProviderId(id)).await.unwrap();
    assert_eq!((kept.provider.name.as_str(), kept.provider.max_connections, kept.refresh_h), ("Other", 3, 0));
    // What stands for a password is none, and a name without a scheme is no file of the box.
    for (path, fields) in [
        (format!("/playlists/{id}"), [("location", "http://u:***@h/list.m3u"), ("name", "Other")]),
        ("/playlists".into(), [("location", "example.com/list.m3u"), ("welcome", "1")]),
    ] {
        assert_eq!(house.send(&path, &fields).await.0, 422, "{path}");
    }
    assert_eq!(house.store.playlist(ProviderId(id)).await.unwrap().provider.location, kept.provider.location);
    let items = house.seen(&format!("/playlists/{id}/items?search=two")).await;
    assert!(items.contains("Make a channel of Two") && !items.contains("Three"), "{items}");
    let wrong = house.send("/playlists", &[("location", "ftp://h/x")]).await;
    assert_eq!(wrong, (422, String::new()));
    assert_eq!(house.send(&format!("/playlists/{id}/accept"), &[]).await.0, 409, "nothing is held back");
    assert_eq!(house.send(&format!("/playlists/{id}/remove"), &[]).await, (303, "/playlists?note=removed".into()));
}

#[tokio::test]
async fn a_channel_goes_through_its_forms() {
    let house = Pages::new().await;
    house.with_list(LIST).await;
    let one = house.store.catalog().channel(&"5".parse().unwrap()).unwrap().id.0;
    let shown = house.seen(&format!("/channels/{one}")).await;
    assert!(!shown.contains(SECRET) && shown.contains("In the lineup"), "{shown}");
    let fields = [("number", "77.1"), ("name", ""), ("groups", "A; B"), ("enabled", "on"), ("hot_standby", "yes")];
    assert_eq!(house.send(&format!("/channels/{one}"), &fields).await.0, 303);
    let channel = house.store.catalog().channel(&"77.1".parse().unwrap()).unwrap().clone();
    assert_eq!((channel.name.as_str(), channel.group.as_deref(), channel.hot_standby), ("One", Some("A;B"), Some(true)));
    assert_eq!(house.send(&format!("/channels/{one}"), &[("number", "100")]).await.0, 409, "it belongs to another one");

    let add = [("url", "http://u:hunter2@h/backup")];
    assert_eq!(house.send(&format!("/channels/{one}/sources"), &add).await.0, 303);
    let sources = house.store.catalog().sources_of(ChannelId(one)).to_vec();
    let second = sources[1].id.0.to_string();
    for (act, status) in [("up", 303), ("off", 303), ("nonsense", 404), ("remove", 303)] {
        let (seen, _) = house.send(&format!("/channels/{one}/sources/{act}"), &[("source", &second)]).await;
        assert_eq!(seen, status, "{act}");
    }
    assert_eq!(house.store.catalog().sources_of(ChannelId(one)).len(), 1);
    let many = [("act", "off"), ("id", &one.to_string()), ("back", "q=o")];
    assert_eq!(house.send("/channels/bulk", &many).await, (303, "/channels?q=o&note=saved".into()));
    assert!(house.seen("/channels?show=off").await.contains("77.1"));
    assert_eq!(house.send("/channels", &[("name", "Own"), ("number", "9")]).await.0, 303);
    assert_eq!(house.send(&format!("/channels/{one}/mapping"), &[("choice", "none")]).await.0, 303);
    assert_eq!(house.send(&format!("/channels/{one}/remove"), &[]).await.0, 303);
}

#[tokio::test]
async fn a_viewer_is_offered_nothing_that_changes_things() {
    let house = Pages::new().await;
    let id = house.with_list(LIST).await;
    let one = house.store.catalog().channels[0].id.0;
    for path in [
        "/".to_owned(),
        "/channels".into(),
        format!("/channels/{one}"),
        "/playlists".into(),
        format!("/playlists/{id}"),
        format!("/playlists/{id}/items"),
        "/guide".into(),
        "/guide?q=news".into(),
        "/guide/mapping?show=all".into(),
        "/guide/sources".into(),
    ] {
        let (status, text) = page(&house.app, &house.viewer.0, &path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(!text.contains(SECRET), "{path}: {text}");
        let forms: Vec<&str> = text.split("<form ").skip(1).filter(|form| form.contains("method=\"post\"")).collect();
        let buttons = forms.iter().filter(|form| form.split("</form>").next().is_some_and(|form| form.contains("<button")));
        assert_eq!(buttons.count(), 1, "only the logout on {path}: {text}");
    }
}
