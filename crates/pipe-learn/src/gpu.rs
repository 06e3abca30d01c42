//! GPUs through Burn's CubeCL backends: what is there, and where their compiled and tuned kernels are kept.
//! It does not know networks.

use std::env;
use std::path::PathBuf;
use std::sync::{Mutex, Once, PoisonError};

use burn::tensor::{Device, DeviceType};
use cubecl::config::cache::CacheConfig;
use cubecl::config::{CubeClRuntimeConfig, RuntimeConfig};

#[cfg(feature = "cuda")]
use crate::cuda_home::{cuda_home, driver_library};

/// The variable that names the folder of compiled kernels.
const KERNELS: &str = "PIPE_KERNEL_CACHE";

/// Gives an NVIDIA GPU by its number among those that this process may see, or says what is missing.
#[cfg(feature = "cuda")]
pub(crate) fn cuda(number: usize) -> Result<Device, String> {
    let there = Device::enumerate(DeviceType::Cuda).len();
    match there {
        0 => return Err(none()),
        _ if number >= there => {
            let them = if there == 1 { "is one, cuda:0".to_owned() } else { format!("are {there}, from cuda:0") };
            return Err(format!("there {them}{}", shown()));
        }
        _ => {}
    }
    cuda_home().map_err(|missing| missing.to_string())?;
    prepared();
    Ok(Device::cuda(number))
}

/// Why there is no NVIDIA GPU.
#[cfg(feature = "cuda")]
fn none() -> String {
    if let Err(missing) = driver_library() {
        return missing.to_string();
    }
    if env::var("CUDA_VISIBLE_DEVICES").is_ok() {
        return format!("no card is to be seen{}", shown());
    }
    match std::fs::exists("/proc/driver/nvidia/version") {
        Ok(true) => "the driver shows no card; in a container, hand the cards over: `docker run --gpus all`".to_owned(),
        _ => "no NVIDIA driver answers (libcuda.so.1); `pipe doctor` says more".to_owned(),
    }
}

/// What the environment hides.
#[cfg(feature = "cuda")]
fn shown() -> String {
    match env::var("CUDA_VISIBLE_DEVICES") {
        Ok(list) if list.trim().is_empty() => " (CUDA_VISIBLE_DEVICES is empty and hides all)".to_owned(),
        Ok(list) => format!(" (CUDA_VISIBLE_DEVICES shows {list})"),
        Err(_) => String::new(),
    }
}

/// Gives the GPU that the system prefers, through Vulkan or Metal.
#[cfg(feature = "wgpu")]
pub(crate) fn wgpu() -> Result<Device, String> {
    if Device::enumerate(DeviceType::Wgpu).is_empty() {
        return Err(
            "no adapter answers; on Linux its Vulkan driver brings one (mesa-vulkan-drivers, or NVIDIA's)".into()
        );
    }
    prepared();
    Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice))
}

/// Names the GPUs that Vulkan or Metal tells of: `NVIDIA H200 (Vulkan, NVIDIA 570.124)`.
#[cfg(feature = "wgpu")]
pub fn adapters() -> Vec<String> {
    use cubecl::wgpu::wgpu::{Backends, Instance, InstanceDescriptor};
    let backends = Backends::VULKAN | Backends::METAL;
    let instance = Instance::new(InstanceDescriptor { backends, ..InstanceDescriptor::new_without_display_handle() });
    let found = cubecl::future::block_on(instance.enumerate_adapters(backends));
    let name = |adapter: &cubecl::wgpu::wgpu::Adapter| {
        let info = adapter.get_info();
        let driver = [info.driver.as_str(), info.driver_info.as_str()].join(" ");
        format!("{} ({}, {})", info.name, info.backend, driver.trim())
    };
    found.iter().map(name).collect()
}

/// Says, once and before the first device is opened, which kernels are not to be trusted, and where the others are kept: one folder
/// for all processes of a user, so that of the folds of an experiment only the first one compiles and tunes. CubeCL's own default
/// depends on the current folder.
fn prepared() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let mut config = CubeClRuntimeConfig::default();
        config.environment.path = CacheConfig::Directory(kernels());
        config.environment.name = "pipe".to_owned();
        config.compilation.cache = true;
        // A setting of the environment that CubeCL itself reads still counts.
        CubeClRuntimeConfig::try_set(config.override_from_env());
        pipe_kernels::forgo_fused_reductions();
        // Whoever has a logger already keeps it, and is told what happens there.
        if log::set_logger(&Listener).is_ok() {
            log::set_max_level(log::LevelFilter::Warn);
        }
    });
}

/// What the thread of a device has said when it panicked.
static FAILED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Hears of panics in the thread of a device. CubeCL catches them and only logs them: what should have been computed is never written,
/// and reading it gives whatever its memory held.
struct Listener;

impl log::Log for Listener {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn && metadata.target().starts_with("cubecl_common::device")
    }

    fn log(&self, record: &log::Record<'_>) {
        let text = record.args().to_string();
        if self.enabled(record.metadata()) && text.contains("CallError") {
            FAILED.lock().unwrap_or_else(PoisonError::into_inner).push(text);
        }
    }

    fn flush(&self) {}
}

/// Lets only through who may trust what a device gives back.
///
/// # Panics
/// If work of a device was lost.
pub(crate) fn trusted() {
    let failed = FAILED.lock().unwrap_or_else(PoisonError::into_inner).first().cloned();
    if let Some(text) = failed {
        panic!("the device failed, so that its numbers mean nothing: {text}");
    }
}

/// The folder of compiled kernels.
pub fn kernels() -> PathBuf {
    let cache = || env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || env::home_dir().map(|home| home.join(".cache"));
    let folder = || cache().or_else(home).unwrap_or_else(env::temp_dir).join("pipe/kernels");
    env::var_os(KERNELS).map_or_else(folder, PathBuf::from)
}
