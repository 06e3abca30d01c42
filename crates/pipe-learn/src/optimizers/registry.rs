//! The list of optimizers as code: the choice in YAML, and everything that only passes a call on.
//! It does not know any optimizer.

/// Makes `OptimizerConfig` from lines `/// about "name" Settings`.
macro_rules! optimizers {
    ($($(#[$about:meta])* $name:literal $settings:ident),* $(,)?) => {
        /// Which optimizer, with its settings.
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        pub enum OptimizerConfig {
            $($(#[$about])* #[serde(rename = $name)] $settings($settings),)*
        }

        impl OptimizerConfig {
            /// Checks settings.
            ///
            /// # Errors
            /// One is out of its range.
            pub fn check(&self) -> Result<(), crate::setting::SettingError> {
                match self { $(Self::$settings(rule) => rule.check().map_err(|error| error.below($name)),)* }
            }

            /// Gives the learning rate that schedules take shares of.
            pub fn learning_rate(&self) -> f64 {
                match self { $(Self::$settings(rule) => rule.learning_rate(),)* }
            }

            /// Gives the learning rate after so many updates, before the schedule.
            pub fn rate(&self, updates: u64) -> f64 {
                match self { $(Self::$settings(rule) => rule.rate(updates),)* }
            }

            /// Names of the arrays that are kept beside each weight.
            pub(crate) fn slots(&self) -> &'static [&'static str] {
                match self { $(Self::$settings(_) => $settings::SLOTS,)* }
            }

            fn excludes(&self) -> &[Excluded] {
                match self { $(Self::$settings(rule) => rule.excludes(),)* }
            }

            fn factor(&self, number: u64) -> f64 {
                match self { $(Self::$settings(rule) => rule.factor(number),)* }
            }

            fn step<P: Piece>(&self, moment: Moment, piece: P) -> P::Given {
                match self { $(Self::$settings(rule) => rule.step(moment, piece),)* }
            }
        }
    };
}

pub(super) use optimizers;
