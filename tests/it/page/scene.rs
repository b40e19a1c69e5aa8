//! An hour of six simulated symbols in a store, and the page over it, shared by read-only tests.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::shared::process::{Home, Running};

pub struct Scene {
    pub home: Home,
    pub address: String,
    _dashboard: Running,
}

/// The scene; tests that run at the same time share it, and the last one ends it.
pub fn scene() -> Arc<Scene> {
    static SCENE: Mutex<Weak<Scene>> = Mutex::new(Weak::new());
    let mut shared = SCENE.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let scene = Arc::new(make());
        *shared = Arc::downgrade(&scene);
        scene
    })
}

fn make() -> Scene {
    let home = Home::new();
    home.write("trades.jsonl", home.ok("simulate --seed 7 --instruments 6 --print 320000"));
    home.ok("import trades.jsonl --log dir:log");
    home.ok("work --log dir:log --store sqlite:rows.db --until-end");
    let (dashboard, address) = serve(&home);
    Scene { home, address, _dashboard: dashboard }
}

/// A dashboard over `rows.db`, and its address.
pub fn serve(home: &Home) -> (Running, String) {
    let mut dashboard = home.start("dashboard --store sqlite:rows.db --listen 127.0.0.1:0");
    let address = dashboard.address_after("http://");
    (dashboard, address)
}
