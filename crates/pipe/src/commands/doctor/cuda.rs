//! The driver's version, and what compiles kernels when they run: NVRTC and the headers that it reads.
//!
//! Does not load any of it.

use pipe_learn::{CudaHome, CudaMissing, cuda_home};

use super::{Check, Verdict};

/// The oldest driver: it is the first that has all functions which the build with CUDA calls, those of CUDA 12.8.
const OLDEST: u32 = 570;

/// The first driver of each CUDA version.
const DRIVERS: &[(u32, (u32, u32))] = &[
    (525, (12, 0)),
    (530, (12, 1)),
    (535, (12, 2)),
    (545, (12, 3)),
    (550, (12, 4)),
    (555, (12, 5)),
    (560, (12, 6)),
    (565, (12, 7)),
    (570, (12, 8)),
    (575, (12, 9)),
    (580, (13, 0)),
    (590, (13, 1)),
    (595, (13, 2)),
];

pub(super) fn checks(version: Option<&str>) -> Vec<Check> {
    let (home, has_cuda) = (cuda_home(), cfg!(feature = "cuda"));
    let compiler = home.as_ref().ok().and_then(CudaHome::version);
    let mut checks: Vec<_> = version.map(|version| driver(version, compiler)).into_iter().collect();
    checks.extend(parts(&home));
    // What this build never uses is no problem of its.
    for check in checks.iter_mut().filter(|check| !has_cuda && check.verdict == Verdict::Problem) {
        check.verdict = Verdict::Note;
    }
    checks
}

/// The CUDA version that a driver supports; none where it is older than all that are known.
fn supported(driver: u32) -> Option<(u32, u32)> {
    DRIVERS.iter().rev().find(|(first, _)| *first <= driver).map(|(_, version)| *version)
}

fn driver(version: &str, compiler: Option<(u32, u32)>) -> Check {
    let number = version.split('.').next().and_then(|number| number.parse().ok()).unwrap_or(0);
    let Some(cuda) = supported(number).filter(|_| number >= OLDEST) else {
        let says = format!("{version} is too old: CUDA 12.8 is needed, which drivers from {OLDEST} on support");
        return Check::problem("driver", says, format!("install NVIDIA driver {OLDEST} or a newer one"));
    };
    let (major, minor) = cuda;
    let newest = DRIVERS.last().map(|(_, newest)| *newest);
    match compiler.filter(|compiler| *compiler > cuda && Some(cuda) != newest) {
        Some((by, part)) => {
            // Wheels of CUDA 13 and later have no number in their names.
            let package = if major < 13 { "nvidia-cuda-nvrtc-cu12" } else { "nvidia-cuda-nvrtc" };
            Check::problem(
                "driver",
                format!("{version} supports CUDA {major}.{minor} and does not read what NVRTC {by}.{part} compiles"),
                format!("install a newer driver, or an older NVRTC: `pip install '{package}=={major}.{minor}.*'`"),
            )
        }
        None => Check::ok("driver", format!("{version}, CUDA {major}.{minor}")),
    }
}

fn parts(home: &Result<CudaHome, CudaMissing>) -> Vec<Check> {
    match home {
        Ok(home) => {
            let version = home.version().map(|(major, minor)| format!(", {major}.{minor}")).unwrap_or_default();
            let include = home.include_parent.join("include");
            let slow = home.slow_without.iter().map(|part| {
                Check::note(
                    "CUDA headers",
                    format!("no {} in {}, so kernels for tensor cores do not compile", part.what, include.display()),
                    format!("pip install {}, of the version of nvidia-cuda-runtime", part.package),
                )
            });
            let found = [
                Check::ok("NVRTC", format!("{}{version}", home.nvrtc.display())),
                Check::ok("CUDA headers", include.display().to_string()),
            ];
            found.into_iter().chain(slow).collect()
        }
        Err(missing) => {
            let part = |part: &pipe_learn::MissingPart| {
                let tried: Vec<_> = part.tried.iter().map(|path| path.display().to_string()).collect();
                let remedy = format!("pip install {}, or install the CUDA toolkit", part.package);
                let name = if part.package == "nvidia-cuda-nvrtc" { "NVRTC" } else { "CUDA headers" };
                Check::problem(name, format!("no {} in {}", part.what, tried.join(", ")), remedy)
            };
            missing.parts.iter().map(part).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(version: &str, compiler: Option<(u32, u32)>, verdict: Verdict, says: &str) {
        let found = driver(version, compiler);
        assert_eq!((found.verdict, found.says.as_str()), (verdict, says));
    }

    #[test]
    fn drivers_old_and_new() {
        check("570.124.06", None, Verdict::Ok, "570.124.06, CUDA 12.8");
        check("580.65", Some((12, 9)), Verdict::Ok, "580.65, CUDA 13.0");
        check("999.1", Some((14, 0)), Verdict::Ok, "999.1, CUDA 13.2");
        check(
            "535.54",
            None,
            Verdict::Problem,
            "535.54 is too old: CUDA 12.8 is needed, which drivers from 570 on support",
        );
        check(
            "570.1",
            Some((13, 2)),
            Verdict::Problem,
            "570.1 supports CUDA 12.8 and does not read what NVRTC 13.2 compiles",
        );
    }

    #[test]
    fn every_missing_part_has_a_line() {
        let missing = |what: &str, package| pipe_learn::MissingPart {
            what: what.to_owned(),
            tried: vec!["/a".into(), "/b".into()],
            package,
        };
        let parts = parts(&Err(CudaMissing {
            parts: vec![missing("NVRTC (libnvrtc.so)", "nvidia-cuda-nvrtc"), missing("crt/mma.h", "nvidia-cuda-crt")],
        }));
        let lines: Vec<_> = parts.iter().map(|check| (check.name, check.says.as_str())).collect();
        let expected = [("NVRTC", "no NVRTC (libnvrtc.so) in /a, /b"), ("CUDA headers", "no crt/mma.h in /a, /b")];
        assert_eq!(lines, expected);
        assert_eq!(parts[1].remedy.as_deref(), Some("pip install nvidia-cuda-crt, or install the CUDA toolkit"));
    }
}
