//! What a pickle of weights may name.
//! It does not know pickles.

/// Tells whether a pickle that names it is one of plain data: what `torch.load` allows with `weights_only`, and numpy's
/// scalars, which training programs write beside weights.
pub(super) fn is_harmless(name: &str) -> bool {
    let Some((module, name)) = name.rsplit_once('.') else {
        return false;
    };
    match module {
        "collections" => matches!(name, "OrderedDict" | "defaultdict" | "Counter"),
        "builtins" | "__builtin__" => matches!(
            name,
            "set"
                | "frozenset"
                | "dict"
                | "list"
                | "tuple"
                | "int"
                | "float"
                | "bool"
                | "str"
                | "complex"
                | "bytearray"
                | "bytes"
                | "slice"
                | "long"
                | "unicode"
        ),
        "_codecs" => name == "encode",
        "torch" | "torch.storage" | "torch.cuda" => {
            name.ends_with("Storage")
                || matches!(
                    name,
                    "device"
                        | "Size"
                        | "Tensor"
                        | "float16"
                        | "bfloat16"
                        | "float32"
                        | "float64"
                        | "int8"
                        | "int16"
                        | "int32"
                        | "int64"
                        | "uint8"
                        | "bool"
                        | "strided"
                        | "contiguous_format"
                        | "preserve_format"
                )
        }
        "torch._utils" => name.starts_with("_rebuild_"),
        "torch._tensor" => name == "_rebuild_from_type_v2",
        "torch.nn.parameter" => matches!(name, "Parameter" | "Buffer"),
        "torch.serialization" => name == "_get_layout",
        "numpy.core.multiarray" | "numpy._core.multiarray" => matches!(name, "scalar" | "_reconstruct"),
        "numpy" => matches!(name, "dtype" | "ndarray"),
        "numpy.dtypes" => name.ends_with("DType"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_need_little() {
        assert!(is_harmless("torch._utils._rebuild_tensor_v2"));
        assert!(is_harmless("torch.FloatStorage"));
        assert!(is_harmless("collections.OrderedDict"));
        for name in
            ["posix.system", "builtins.eval", "torch.load", "torch._utils.eval", "torchvision.models.resnet.ResNet"]
        {
            assert!(!is_harmless(name), "{name}");
        }
    }
}
