//! A list of named settings as code: the enum, its names, and how it is written.
//!
//! Does not know any of the things that are listed.

/// Makes an enum from lines `/// about "name" Settings`. In YAML it is a name, or a map from a name to its settings; the name alone
/// where all settings have defaults.
macro_rules! choices {
    ($(#[$outer:meta])* $kind:ident, $written:ident, $names:ident, $expecting:literal, {
        $($(#[$about:meta])* $name:literal $settings:ident),* $(,)?
    }) => {
        $(#[$outer])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $kind {
            $($(#[$about])* $settings($settings),)*
        }

        /// As it is written; a name alone is read too.
        #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        enum $written {
            $($(#[$about])* #[serde(rename = $name)] $settings($settings),)*
        }

        impl From<$written> for $kind {
            fn from(written: $written) -> Self {
                match written { $($written::$settings(settings) => Self::$settings(settings),)* }
            }
        }

        impl From<$kind> for $written {
            fn from(kind: $kind) -> Self {
                match kind { $($kind::$settings(settings) => Self::$settings(settings),)* }
            }
        }

        /// The names, in the order of documentation.
        pub const $names: &[&str] = &[$($name),*];

        impl $kind {
            /// Its name in YAML.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$settings(_) => $name,)* }
            }

            /// The one of a name, with the defaults of its settings; none for unknown names and where a setting has no default.
            pub fn named(name: &str) -> Option<Self> {
                let written = <$written as serde::Deserialize>::deserialize(serde_json::json!({ name: {} }));
                written.ok().map(Self::from)
            }
        }

        impl serde::Serialize for $kind {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $written::from(self.clone()).serialize(serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $kind {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct NameOrMap;

                impl<'de> serde::de::Visitor<'de> for NameOrMap {
                    type Value = $kind;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        formatter.write_str($expecting)
                    }

                    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<$kind, E> {
                        if !$names.contains(&name) {
                            return Err(E::unknown_variant(name, $names));
                        }
                        let written = <$written as serde::Deserialize>::deserialize(serde_json::json!({ name: {} }));
                        let wrong = |error| E::custom(format!("{error}; write `{{ {name}: {{ ... }} }}`"));
                        written.map($kind::from).map_err(wrong)
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<$kind, A::Error> {
                        let map = serde::de::value::MapAccessDeserializer::new(map);
                        <$written as serde::Deserialize>::deserialize(map).map($kind::from)
                    }
                }

                deserializer.deserialize_any(NameOrMap)
            }
        }

        impl schemars::JsonSchema for $kind {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($kind).into()
            }

            fn inline_schema() -> bool {
                true
            }

            /// The maps, and the names of those whose settings all have defaults.
            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let written = <$written as schemars::JsonSchema>::json_schema(generator).to_value();
                let choices = written["oneOf"].as_array().cloned().unwrap_or_default();
                let mut all = Vec::new();
                for (choice, name) in choices.into_iter().zip($names) {
                    if Self::named(name).is_some() {
                        all.push(serde_json::json!({ "const": name, "description": choice["description"] }));
                    }
                    all.push(choice);
                }
                schemars::json_schema!({ "oneOf": all })
            }
        }
    };
}

pub(crate) use choices;
