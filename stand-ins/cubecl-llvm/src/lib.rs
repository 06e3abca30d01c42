//! What `cubecl-cuda` names from CubeCL's LLVM backend, without LLVM.
//!
//! `cubecl-cuda` always compiles both of its compilers and takes the C++ one (kernels through NVRTC) when its feature
//! `cpp` is on. So nothing of this crate runs; it only has to be there. Whatever would reach LLVM ends in an error or a
//! panic that says how to get there: without the feature `cpp` a GPU would otherwise quietly lose its matrix units.

use core::ffi::c_char;

use cubecl_core::ir::nvidia::SmArch;
use cubecl_core::prelude::KernelDefinition;
use cubecl_server::compiler::CompilationError;
use cubecl_server::kernel::BufferIOAttr;

const NO_LLVM: &str = "this build has no LLVM: keep the feature `cpp` of cubecl-cuda, or build without the stand-in for cubecl-llvm";

/// Versions of NVIDIA's intermediate language.
pub mod nvptx {
    /// Versions of NVIDIA's intermediate language.
    pub mod ptx_version {
        use core::fmt;

        /// A version that LLVM would emit; of none is anything known here.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum PtxVersion {}

        impl PtxVersion {
            /// Gives none: NVRTC writes the version of its own toolkit.
            pub fn for_driver(_driver: i32) -> Option<Self> {
                None
            }
        }

        impl fmt::Display for PtxVersion {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                match *self {}
            }
        }
    }
}

/// What LLVM's backends share.
pub mod shared {
    /// What a device may advertise.
    pub mod lowered_features {
        use cubecl_core::ir::DeviceProperties;

        /// Whom features are narrowed for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum GpuTarget {
            /// NVIDIA's.
            Nvptx,
        }

        /// Would narrow a device's features to what LLVM can compile.
        ///
        /// # Panics
        /// Always: it is called for the LLVM compiler alone, which is not here.
        pub fn restrict_features(_: &mut DeviceProperties, _: GpuTarget) {
            panic!("{}", super::super::NO_LLVM);
        }
    }
}

/// Whom LLVM would compile for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LlvmTarget {
    /// NVIDIA's intermediate language.
    Nvptx,
}

/// What LLVM would be told.
#[derive(Clone, Debug, Default)]
pub struct PlironOptions {
    /// An AMD architecture; none here.
    pub arch: Option<core::convert::Infallible>,
    /// The compute capability.
    pub sm_arch: Option<SmArch>,
    /// The version of the intermediate language.
    pub ptx_version: Option<nvptx::ptx_version::PtxVersion>,
    /// Whether a kernel's scalars stand in its parameter block.
    pub grid_constants: bool,
}

/// A module that LLVM would have made.
#[derive(Clone, Debug)]
pub struct NvptxModule {
    /// NUL-terminated assembly.
    pub ptx: Vec<c_char>,
    /// The kernel's symbol.
    pub entrypoint: String,
    /// Its text, for logs.
    pub ir: String,
    /// Shared memory of a launch, in bytes.
    pub shared_memory_size: usize,
    /// What the kernel does with each buffer.
    pub io: Vec<BufferIOAttr>,
}

/// What LLVM would give.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PlironArtifact {
    /// A module for NVIDIA's GPUs.
    NvptxCode(NvptxModule),
}

/// The compiler that is not here.
#[derive(Clone, Debug)]
pub struct PlironCompiler {
    /// Whom it would compile for.
    pub target: LlvmTarget,
}

impl PlironCompiler {
    /// Would compile a kernel.
    ///
    /// # Errors
    /// Always.
    pub fn compile(&mut self, _: KernelDefinition, _: &PlironOptions) -> Result<PlironArtifact, CompilationError> {
        Err(CompilationError::Generic { reason: NO_LLVM.to_owned(), backtrace: Default::default() })
    }

    /// The language of its kernels.
    pub fn lang_tag(&self) -> &'static str {
        "llvm"
    }
}
