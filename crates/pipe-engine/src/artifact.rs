//! What stages exchange: typed ports.
//!
//! Does not know which types there are; kinds declare them.

use pipe_store::Shape;

/// The type of an artifact: a `Split` is not a `Mask`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ArtifactType(pub &'static str);

/// How many artifacts an input takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Exactly one.
    Required,
    /// One or none.
    Optional,
    /// Any number.
    Many,
}

/// Whether an input is part of the recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    /// Its digest is fingerprinted.
    Counted,
    /// It is handed over only: another counted input pins by digest what is read from it.
    Carried,
}

/// An input port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// What it takes.
    pub kind: ArtifactType,
    /// How many.
    pub presence: Presence,
    /// Whether it is part of the recipe.
    pub counting: Counting,
}

/// An output port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// What it gives.
    pub kind: ArtifactType,
    /// File or folder; none where either may appear.
    pub shape: Option<Shape>,
    /// Where the stage writes it, relative to its scratch folder.
    pub path: String,
}

/// Which inputs a stage takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inputs {
    /// These ports, matched by type.
    Typed(Vec<Input>),
    /// Whatever it needs, under the port's name where one is given, else under the needed stage's name.
    Anything,
}

/// The ports of a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ports {
    /// Inputs.
    pub inputs: Inputs,
    /// Outputs.
    pub outputs: Vec<Output>,
}

impl Input {
    /// An input whose digest is part of the recipe.
    pub fn counted(name: &str, kind: ArtifactType, presence: Presence) -> Self {
        Self { name: name.to_owned(), kind, presence, counting: Counting::Counted }
    }

    /// A required input that is handed over only.
    pub fn carried(name: &str, kind: ArtifactType) -> Self {
        Self { name: name.to_owned(), kind, presence: Presence::Required, counting: Counting::Carried }
    }
}

impl Output {
    /// An output that is a file of the port's name.
    pub fn file(name: &str, kind: ArtifactType) -> Self {
        Self { name: name.to_owned(), kind, shape: Some(Shape::File), path: name.to_owned() }
    }

    /// An output that is a folder of the port's name.
    pub fn folder(name: &str, kind: ArtifactType) -> Self {
        Self { name: name.to_owned(), kind, shape: Some(Shape::Tree), path: name.to_owned() }
    }
}
