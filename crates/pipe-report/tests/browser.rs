//! Pages in a real browser: nothing on the console, nothing asked of any network, light, dark and on a phone.
//! Needs `chromium` or what PIPE_BROWSER names, else it says so and passes. PIPE_SCREENSHOTS keeps the pictures in that folder.
#![expect(clippy::print_stderr, reason = "a test says why it does nothing")]

use std::{
    env,
    ffi::OsString,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
    thread,
};

#[expect(dead_code, reason = "an example has a main function")]
#[path = "../examples/pages.rs"]
mod pages;
#[expect(dead_code, reason = "an example has a main function")]
#[path = "../examples/plots.rs"]
mod plots;

/// What a browser may load with a page: nothing. What it would, it says on the console.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// What a browser made of a page.
struct Seen {
    /// Paths that it asked for.
    asked: Vec<String>,
    /// Lines on its console.
    console: Vec<String>,
    /// The picture that it took.
    picture: PathBuf,
}

fn browser() -> Option<OsString> {
    let named = env::var_os("PIPE_BROWSER").unwrap_or("chromium".into());
    Command::new(&named).arg("--version").output().ok().filter(|answer| answer.status.success()).map(|_| named)
}

/// Shows a page, served from this process, in a window of some size.
fn show(browser: &OsString, page: &str, size: [u32; 2], dark: bool, folder: &Path, name: &str) -> Seen {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("a port");
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (paths, body) = (Arc::clone(&asked), page.to_owned());
    // The thread ends with the test.
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut first = String::new();
            // A browser may open a connection that it does not use.
            if BufReader::new(&stream).read_line(&mut first).unwrap_or(0) == 0 {
                continue;
            }
            paths.lock().expect("no panic").push(first.split(' ').nth(1).unwrap_or_default().to_owned());
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}", body.len());
            let policy = format!("Content-Security-Policy: {POLICY}\r\nConnection: close");
            // It may also hang up early.
            stream.write_all(format!("{head}\r\n{policy}\r\n\r\n{body}").as_bytes()).ok();
        }
    });
    let profile = tempfile::tempdir().expect("a folder");
    let picture = folder.join(format!("{name}.png"));
    let mut command = Command::new(browser);
    command
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--hide-scrollbars"])
        .args(["--enable-logging=stderr", "--virtual-time-budget=2000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--window-size={},{}", size[0], size[1]))
        .arg(format!("--screenshot={}", picture.display()));
    if dark {
        command.args(["--force-dark-mode", "--blink-settings=preferredColorScheme=0"]);
    }
    let answer = command.arg(format!("http://{address}/page.html")).output().expect("a browser");
    let said = String::from_utf8_lossy(&answer.stderr);
    assert!(answer.status.success() && picture.exists(), "{said}");
    let asked = asked.lock().expect("no panic").clone();
    Seen { asked, console: said.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect(), picture }
}

/// The most frequent colour of a picture: its ground.
fn ground(picture: &Path) -> [u8; 3] {
    let picture = image::open(picture).expect("a picture").to_rgb8();
    let mut counts = std::collections::BTreeMap::new();
    picture.pixels().step_by(97).for_each(|pixel| *counts.entry(pixel.0).or_insert(0) += 1);
    counts.into_iter().max_by_key(|(_, count)| *count).expect("pixels").0
}

#[test]
fn pages_need_nothing_and_follow_light_and_dark() {
    let Some(browser) = browser() else {
        eprintln!("skipped: no browser; install chromium or set PIPE_BROWSER");
        return;
    };
    let own = tempfile::tempdir().expect("a folder");
    let folder = env::var_os("PIPE_SCREENSHOTS").map_or(own.path().to_path_buf(), PathBuf::from);
    fs::create_dir_all(&folder).expect("a folder");
    let large = pages::searches::examples().into_iter().find(|(name, _)| *name == "large").expect("an example").1;
    let all = [
        ("report", pipe_report::html(&pages::report())),
        ("data", pipe_report::data_html(&pages::data())),
        ("search", pipe_report::search_page("Search", &large)),
        ("plots", pipe_report::plots_html("Plots", &plots::plots())),
    ];
    for (name, page) in &all {
        for (way, size, dark) in
            [("light", [1160, 2200], false), ("dark", [1160, 2200], true), ("phone", [500, 4000], false)]
        {
            let seen = show(&browser, page, size, dark, &folder, &format!("{name}-{way}"));
            assert_eq!(seen.asked, ["/page.html"], "{name} {way}");
            assert!(seen.console.is_empty(), "{name} {way}: {:?}", seen.console);
            let ground = ground(&seen.picture);
            assert_eq!(ground.iter().all(|part| *part < 64), dark, "{name} {way}: {ground:?}");
        }
    }
    // This test sees what it looks for.
    let wrong = "<!doctype html><title>x</title><img src=\"/gone.png\"><script src=\"/x.js\"></script>";
    let seen = show(&browser, wrong, [500, 500], false, own.path(), "wrong");
    assert!(seen.console.len() >= 2, "{:?}", seen.console);
}
