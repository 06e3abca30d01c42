//! The list of samplers as code: everything that only passes a call on.
//!
//! Does not know any sampler.

/// Makes [`Sampler`](super::Sampler) from lines `/// about "name" Settings`.
macro_rules! samplers {
    ($($(#[$about:meta])* $name:literal $settings:ident),* $(,)?) => {
        crate::choices::choices! {
            /// How points are found, with its settings.
            Sampler, WrittenSampler, SAMPLERS, "the name of a sampler, or a map from its name to its settings", {
                $($(#[$about])* $name $settings,)*
            }
        }

        impl Sampler {
            /// Checks that it can search a space.
            ///
            /// # Errors
            /// It cannot.
            pub fn check(&self, space: &crate::Space) -> Result<(), SamplerError> {
                match self { $(Self::$settings(settings) => ask::Suggest::check(settings, space),)* }
            }

            /// How many points it has in a space that it can search; none where it never ends.
            pub fn total(&self, space: &crate::Space) -> Option<u64> {
                match self { $(Self::$settings(settings) => ask::Suggest::total(settings, space),)* }
            }

            pub(crate) fn suggest(&self, ask: &Ask<'_>) -> Option<crate::Point> {
                match self { $(Self::$settings(settings) => ask::Suggest::suggest(settings, ask),)* }
            }
        }
    };
}

pub(super) use samplers;
