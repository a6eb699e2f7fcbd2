//! The Debian package, as a person has it: installed, started, upgraded, removed, purged by the system's own tools, on a copy of
//! this machine's system that is thrown away (`package/boot.sh`), with the executables under test in it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::support::app::EXE;
use crate::support::process::run;

/// Packs the executables of this build, as `make deb` packs the optimised ones. Returns the package.
fn package(folder: &Path, version: &str) -> PathBuf {
    let target = Path::new(EXE).parent().and_then(Path::parent).unwrap();
    let out = folder.join(format!("rooftop_{version}.deb"));
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).env("CARGO_TARGET_DIR", target);
    cargo.args(["deb", "--quiet", "--locked", "--no-build", "--strip", "--fast", "--profile", "dev", "--deb-version", version]);
    run(cargo.arg("--output").arg(&out), Duration::from_secs(120)).ok();
    assert!(out.is_file());
    out
}

/// Runs a script as root on a system of its own that systemd has booted. Returns what it printed; fails the test if it failed.
fn boot(folder: &Path, script: &str) -> String {
    std::fs::write(folder.join("script"), script).unwrap();
    let mut boot = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/package/boot.sh"));
    let booted = run(boot.arg(folder), Duration::from_secs(150));
    let output = std::fs::read_to_string(folder.join("output")).unwrap_or_default();
    let status = std::fs::read_to_string(folder.join("status")).unwrap_or_default();
    assert_eq!(status.trim(), "0", "{output}\n{booted:?}");
    output
}

fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("rooftop-package-").tempdir().unwrap()
}

/// One boot for the whole life of the package: booting is what takes long.
#[test]
fn package_life() {
    let folder = folder();
    package(folder.path(), "0.1.0-1");
    package(folder.path(), "0.2.0-1");
    let output = boot(
        folder.path(),
        r#"
        cd /mnt/shared
        ready() { for _ in $(seq 100); do curl -sf http://127.0.0.1:5004/readyz && return; sleep 0.2; done; false; }
        id() { curl -sf http://127.0.0.1/discover.json | jq -r .DeviceID; }

        dpkg -i rooftop_0.1.0-1.deb
        test "$(systemctl is-enabled rooftop)" = enabled
        ready
        test "$(ps -o user= -p "$(systemctl show -P MainPID rooftop)")" = rooftop
        test "$(curl -sf http://127.0.0.1/lineup.json | jq length)" = 3
        first=$(id)
        # The worker makes the demo's picture under all of the unit's restrictions.
        for _ in $(seq 60); do
            bytes=$(curl -s -m 4 http://127.0.0.1:5004/auto/v1 | wc -c) || true
            test "$bytes" -gt 500000 && break
            sleep 1
        done
        echo "bytes of the demo: $bytes"
        test "$bytes" -gt 500000
        test "$(stat -c '%U %a' /var/lib/rooftop)" = 'rooftop 750'
        test "$(stat -c '%U:%G %a' /etc/rooftop/rooftop.toml)" = 'root:rooftop 640'
        man -l /usr/share/man/man1/rooftop.1.gz | grep -q rooftop

        # What its owner wrote stays, and so does the device, for players know it by its id.
        sed -i '1i tuners = 2' /etc/rooftop/rooftop.toml
        pid=$(systemctl show -P MainPID rooftop)
        dpkg -i --force-confold rooftop_0.2.0-1.deb
        ready
        test "$(systemctl show -P MainPID rooftop)" != "$pid"
        test "$(id)" = "$first"
        test "$(curl -sf http://127.0.0.1/discover.json | jq .TunerCount)" = 2

        # A kill is survived.
        systemctl kill --signal=KILL rooftop
        sleep 3
        ready
        test "$(id)" = "$first"

        dpkg -r rooftop
        ! systemctl is-active rooftop
        test -e /etc/rooftop/rooftop.toml
        test -e /var/lib/rooftop
        dpkg -i --force-confold rooftop_0.2.0-1.deb
        ready
        test "$(id)" = "$first"
        dpkg -P rooftop
        ! systemctl is-active rooftop
        ! getent passwd rooftop
        ! getent group rooftop
        left=$(find /etc /var /usr /run -xdev -iname '*rooftop*' -not -path '/var/log/*' -not -path '*/rooftop-package*' -not -path '/var/lib/dpkg/*')
        echo "left: $left"
        test -z "$left"
        "#,
    );
    assert!(output.contains("bytes of the demo"), "{output}");
}

/// What Debian's own judge says of the package.
#[test]
fn package_is_accepted_by_lintian() {
    let folder = folder();
    let deb = package(folder.path(), "0.1.0-1");
    let mut lintian = Command::new("lintian");
    lintian.args(["--fail-on=error", "--tag-display-limit=0"]);
    let output = run(lintian.arg(&deb), Duration::from_secs(90));
    assert_eq!(output.code(), 0, "{}", output.text());
}

/// `systemd-analyze security` gives the unit less than 2.0.
#[test]
fn package_unit_is_hardened() {
    let unit = concat!(env!("CARGO_MANIFEST_DIR"), "/systemd/rooftop.service");
    let mut analyze = Command::new("systemd-analyze");
    let output =
        run(analyze.args(["security", "--offline=true", "--threshold=20", "--no-pager"]).arg(unit), Duration::from_secs(20));
    let text = output.text();
    assert_eq!(output.code(), 0, "{text}");
    assert!(text.contains("Overall exposure level"), "{text}");
}
