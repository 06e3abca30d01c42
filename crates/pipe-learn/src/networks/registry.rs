//! The list of networks as code: the two enums and everything that only passes a call on.
//! It does not know any network.

/// Makes `NetworkConfig`, `Network` and `NETWORKS` from lines `/// about "name" Variant(Settings) => Module,`.
macro_rules! networks {
    ($($(#[$about:meta])* $name:literal $variant:ident($settings:ty) => $module:ty),* $(,)?) => {
        /// Which network, with its settings.
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        pub enum NetworkConfig {
            $($(#[$about])* #[serde(rename = $name)] $variant($settings),)*
        }

        /// A network of any kind.
        #[derive(burn::module::Module, Debug)]
        #[expect(clippy::large_enum_variant, reason = "one of them a run; modules have no boxes")]
        pub enum Network {
            $($(#[$about])* $variant($module),)*
        }

        /// The networks, as they stand in YAML.
        pub const NETWORKS: &[NetworkKind] = &[$(<$settings as Settings>::KIND),*];

        impl NetworkConfig {
            /// Gives the registry line of the network.
            pub fn kind(&self) -> NetworkKind {
                match self { $(Self::$variant(_) => <$settings as Settings>::KIND,)* }
            }

            /// Checks settings.
            ///
            /// # Errors
            /// A setting is out of its range, or two do not go together.
            pub fn check(&self) -> Result<(), NetworkError> {
                match self { $(Self::$variant(settings) => settings.check(),)* }
            }

            /// Gives what the input must have.
            pub fn takes(&self) -> Takes {
                match self { $(Self::$variant(settings) => settings.takes(),)* }
            }

            /// Gives what depth, height and width must be multiples of, before margins are put around.
            pub fn multiple(&self) -> [usize; 3] {
                match self { $(Self::$variant(settings) => settings.multiple(),)* }
            }

            /// Gives the smallest depth, height and width that the network takes.
            pub fn smallest(&self) -> [usize; 3] {
                match self { $(Self::$variant(settings) => settings.smallest(),)* }
            }

            fn needs_two(&self) -> bool {
                match self { $(Self::$variant(settings) => settings.needs_two(),)* }
            }

            fn fits_size(&self, size: [usize; 3]) -> bool {
                match self { $(Self::$variant(settings) => settings.fits(size),)* }
            }

            fn margin_of(&self, size: [usize; 3]) -> Margin {
                match self { $(Self::$variant(settings) => settings.margin(size),)* }
            }

            /// Gives the number of maps the network puts out.
            pub fn classes(&self) -> usize {
                match self { $(Self::$variant(settings) => settings.classes(),)* }
            }

            /// Gives the frame that the network was published to label, counted from 0; none for networks without frames.
            pub fn label_frame(&self) -> Option<usize> {
                match self { $(Self::$variant(settings) => settings.label_frame(),)* }
            }

            /// Gives how weights start.
            pub fn initialisation(&self) -> Initialisation {
                match self { $(Self::$variant(settings) => settings.initialisation(),)* }
            }

            /// Builds the network with zeros as weights.
            ///
            /// # Errors
            /// A setting is out of its range.
            pub fn build(&self, device: &burn::tensor::Device) -> Result<Network, NetworkError> {
                self.check()?;
                Ok(match self { $(Self::$variant(settings) => Network::$variant(settings.build(device)),)* })
            }
        }

        impl Network {
            /// Gives logits, in 32 bits whatever the precision of the pass.
            ///
            /// # Shapes
            /// `[batch, channels, depth or frames, height, width]` to `[batch, maps, depth, height, width]`.
            ///
            /// # Panics
            /// If the input does not fit; ask [`NetworkConfig::check_input`] first, and see [`Network::fitted`].
            pub fn forward(&self, x: burn::Tensor<5>, pass: &mut blocks::Pass) -> Maps {
                let x = x.cast(pass.precision().of_layers());
                let maps = match self { $(Self::$variant(network) => network.forward(x, pass),)* };
                maps.in_full()
            }
        }
    };
}

pub(super) use networks;
