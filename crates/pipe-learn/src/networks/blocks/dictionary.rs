//! Modules by names of their own.
//! It does not know what they do.

use burn::module::{Content, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor};
use burn::tensor::Device;
use indexmap::IndexMap;

/// Modules by name, as PyTorch's `ModuleDict`: the names are part of the names of weights.
#[derive(Debug, Clone)]
pub struct Dictionary<M>(IndexMap<String, M>);

/// How a dictionary calls itself when it is visited.
const CONTAINER: &str = "Dictionary";

impl<M> Dictionary<M> {
    /// Gives the module of a name.
    ///
    /// # Panics
    /// There is none.
    pub fn at(&self, name: &str) -> &M {
        &self.0[name]
    }

    fn each(self, change: impl FnMut(M) -> M) -> Self {
        let mut change = change;
        Self(self.0.into_iter().map(|(name, module)| (name, change(module))).collect())
    }
}

impl<M> FromIterator<(String, M)> for Dictionary<M> {
    fn from_iter<I: IntoIterator<Item = (String, M)>>(modules: I) -> Self {
        Self(modules.into_iter().collect())
    }
}

impl<M: Module> Module for Dictionary<M> {
    fn collect_devices(&self, devices: Vec<Device>) -> Vec<Device> {
        self.0.values().fold(devices, |devices, module| module.collect_devices(devices))
    }

    fn fork(self, device: &Device) -> Self {
        self.each(|module| module.fork(device))
    }

    fn to_device(self, device: &Device) -> Self {
        self.each(|module| module.to_device(device))
    }

    fn train(self) -> Self {
        self.each(Module::train)
    }

    fn valid(&self) -> Self {
        self.0.iter().map(|(name, module)| (name.clone(), module.valid())).collect()
    }

    fn materialize(self) -> Self {
        self.each(Module::materialize)
    }

    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        for (name, module) in &self.0 {
            visitor.enter_module(name, CONTAINER);
            module.visit(visitor);
            visitor.exit_module(name, CONTAINER);
        }
    }

    fn map<Mapper: ModuleMapper>(self, mapper: &mut Mapper) -> Self {
        let mapped = self.0.into_iter().map(|(name, module)| {
            mapper.enter_module(&name, CONTAINER);
            let module = module.map(mapper);
            mapper.exit_module(&name, CONTAINER);
            (name, module)
        });
        mapped.collect()
    }
}

impl<M: ModuleDisplay> ModuleDisplayDefault for Dictionary<M> {
    fn content(&self, content: Content) -> Option<Content> {
        self.0.iter().fold(content, |content, (name, module)| content.add(name, module)).optional()
    }
}

impl<M: ModuleDisplay> ModuleDisplay for Dictionary<M> {}
