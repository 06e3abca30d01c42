//! The committed pipelines and data sets, embedded in the program.
//!
//! A file of the same name in the workspace wins; `pipe-spec` sees to that.

/// The folder of data sets.
pub(crate) const DATASETS: &str = "pipelines/datasets/";

macro_rules! dataset {
    ($name:literal) => {
        (
            concat!("pipelines/datasets/", $name, ".yaml"),
            include_str!(concat!("../../../pipelines/datasets/", $name, ".yaml")),
        )
    };
}

/// Name and text of every embedded file.
pub(crate) const EMBEDDED: &[(&str, &str)] = &[
    ("pipelines/segmentation.yaml", include_str!("../../../pipelines/segmentation.yaml")),
    dataset!("acdc"),
    dataset!("arcade_stenosis"),
    dataset!("arcade_syntax"),
    dataset!("busi"),
    dataset!("chase_db1"),
    dataset!("covid_cxr"),
    dataset!("dca1"),
    dataset!("drive"),
    dataset!("dsb_2018"),
    dataset!("hrf"),
    dataset!("isbi_2012"),
    dataset!("isbi_2012_stacks"),
    dataset!("isic_2016"),
    dataset!("isic_2017"),
    dataset!("isic_2018"),
    dataset!("kvasir_seg"),
    dataset!("lung_ct_2d"),
    dataset!("lung_ct_3d"),
    dataset!("lung_cxr_mixture"),
    dataset!("montgomery"),
    dataset!("msd"),
    dataset!("nnunet_raw"),
    dataset!("oct_plaque"),
    dataset!("ph2"),
    dataset!("sunnybrook"),
    dataset!("svsnet_sequences"),
    dataset!("svsnet_stacks"),
    dataset!("uw_madison"),
    dataset!("xcad"),
];
