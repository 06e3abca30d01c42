//! What this build can compute on, on this machine: the driver, its library, and what compiles kernels.
//!
//! Does not use a device.

use pipe_engine::{Backends, Cards, Cuda};
use pipe_learn::{CudaHome, cuda_home, driver_library};

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

/// The kinds of GPUs that this build can use.
pub(crate) fn built() -> &'static str {
    match (cfg!(feature = "cuda"), cfg!(feature = "wgpu")) {
        (true, true) => "with CUDA and Vulkan or Metal",
        (true, false) => "with CUDA",
        (false, true) => "with Vulkan or Metal",
        (false, false) => "for the processor alone",
    }
}

/// What stages can compute on, and the variables by which workers find what compiles for it.
pub(crate) fn backends(cards: &Cards) -> (Backends, Vec<(String, String)>) {
    let (cuda, variables) = if cfg!(feature = "cuda") { cuda(cards) } else { (Cuda::NotBuilt, Vec::new()) };
    (Backends { cuda, wgpu: cfg!(feature = "wgpu") }, variables)
}

fn cuda(cards: &Cards) -> (Cuda, Vec<(String, String)>) {
    let home = cuda_home();
    let compiler = home.as_ref().ok().and_then(CudaHome::version);
    let version = cards.usable.iter().find_map(|card| card.driver.as_deref());
    let unfit = version.and_then(|version| supported(version, compiler).err()).map(|unfit| format!("driver {unfit}"));
    let library = driver_library().err().map(|missing| missing.to_string());
    let compiles = home.as_ref().err().map(ToString::to_string);
    let lacks: Vec<_> = [unfit, library, compiles].into_iter().flatten().collect();
    match home {
        Ok(home) if lacks.is_empty() => {
            let variable =
                |(name, value): (&str, std::ffi::OsString)| (name.to_owned(), value.to_string_lossy().into_owned());
            (Cuda::Built, home.variables().map(variable).into())
        }
        _ => (Cuda::Lacks(lacks.join("; ")), Vec::new()),
    }
}

/// A driver that cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{says}; {remedy}")]
pub(crate) struct Unfit {
    pub says: String,
    pub remedy: String,
}

/// Gives the CUDA version that a driver supports.
///
/// # Errors
/// It is too old for this program, or for what the run-time compiler makes.
pub(crate) fn supported(version: &str, compiler: Option<(u32, u32)>) -> Result<(u32, u32), Unfit> {
    let number = version.split('.').next().and_then(|number| number.parse().ok()).unwrap_or(0);
    let known = DRIVERS.iter().rev().find(|(first, _)| *first <= number).map(|(_, version)| *version);
    let Some(cuda) = known.filter(|_| number >= OLDEST) else {
        let says = format!("{version} is too old: CUDA 12.8 is needed, which drivers from {OLDEST} on support");
        return Err(Unfit { says, remedy: format!("install NVIDIA driver {OLDEST} or a newer one") });
    };
    let (major, minor) = cuda;
    let newest = DRIVERS.last().map(|(_, newest)| *newest);
    match compiler.filter(|compiler| *compiler > cuda && Some(cuda) != newest) {
        Some((by, part)) => {
            // Wheels of CUDA 13 and later have no number in their names.
            let package = if major < 13 { "nvidia-cuda-nvrtc-cu12" } else { "nvidia-cuda-nvrtc" };
            Err(Unfit {
                says: format!(
                    "{version} supports CUDA {major}.{minor} and does not read what NVRTC {by}.{part} compiles"
                ),
                remedy: format!(
                    "install a newer driver, or an older NVRTC: `pip install '{package}=={major}.{minor}.*'`"
                ),
            })
        }
        None => Ok(cuda),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(version: &str, compiler: Option<(u32, u32)>, expected: Result<(u32, u32), &str>) {
        let found = supported(version, compiler).map_err(|unfit| unfit.says);
        assert_eq!(found, expected.map_err(str::to_owned));
    }

    #[test]
    fn drivers_old_and_new() {
        check("570.124.06", None, Ok((12, 8)));
        check("580.65", Some((12, 9)), Ok((13, 0)));
        check("999.1", Some((14, 0)), Ok((13, 2)));
        check("535.54", None, Err("535.54 is too old: CUDA 12.8 is needed, which drivers from 570 on support"));
        check("nonsense", None, Err("nonsense is too old: CUDA 12.8 is needed, which drivers from 570 on support"));
        check("570.1", Some((13, 2)), Err("570.1 supports CUDA 12.8 and does not read what NVRTC 13.2 compiles"));
    }
}
