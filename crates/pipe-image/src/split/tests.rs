//! Tests of `split`.
//! They do not know more than its public functions give.

use super::*;

/// Gives two cases for each of `patients` patients.
fn cases(patients: usize) -> Vec<Member> {
    let case = |at: usize| Member {
        id: format!("c{at}"),
        patient: format!("p{}", at / 2),
        part: None,
        site: None,
        stratum: None,
    };
    (0..patients * 2).map(case).collect()
}

fn quarter() -> Probability {
    Probability::try_from(0.25).expect("it is a probability")
}

#[test]
fn every_patient_is_tested_once_and_never_leaks() {
    let cases = cases(10);
    let folds = kfold_by_patient(&cases, 3, 7, quarter()).expect("there are enough patients");
    check_given(&folds, &cases).expect("nobody leaks");
    let mut tested: Vec<&String> = folds.iter().flat_map(|fold| &fold.test).collect();
    tested.sort();
    tested.dedup();
    assert_eq!(tested.len(), 20);
    assert!(folds.iter().all(|fold| fold.train.len() + fold.validation.len() + fold.test.len() == 20));
    assert_eq!(folds.iter().map(|fold| fold.test.len()).collect::<Vec<_>>(), [8, 6, 6]);
    assert!(folds.iter().all(|fold| fold.validation.len() == 4));
}

#[test]
fn the_seed_decides_and_the_order_does_not() {
    let forward = cases(10);
    let backward: Vec<Member> = forward.iter().rev().cloned().collect();
    let sorted = |cases: &[Member], seed| {
        let mut folds = kfold_by_patient(cases, 5, seed, quarter()).expect("there are enough patients");
        folds.iter_mut().for_each(|fold| {
            [&mut fold.train, &mut fold.validation, &mut fold.test].into_iter().for_each(|p| p.sort());
        });
        folds
    };
    assert_eq!(sorted(&forward, 1), sorted(&backward, 1));
    assert_ne!(sorted(&forward, 1), sorted(&forward, 2));
}

#[test]
fn impossible_splits_are_refused() {
    let error = |patients, folds, validation| {
        kfold_by_patient(&cases(patients), folds, 0, validation).expect_err("it is impossible")
    };
    assert_eq!(error(3, 4, quarter()), SplitError::MoreFoldsThanPatients { folds: 4, patients: 3 });
    assert_eq!(error(3, 1, quarter()), SplitError::TooFewFolds { folds: 1 });
    assert_eq!(error(2, 2, quarter()), SplitError::NothingToTrain { validation: 1, rest: 1 });
    let folds = kfold_by_patient(&cases(2), 2, 0, Probability::ZERO).expect("no validation part is asked for");
    assert!(folds.iter().all(|fold| fold.validation.is_empty()));
}

#[test]
fn a_given_split_is_checked_in_full() {
    let text = r#"{"train": ["c0", "c2", "c2"], "validation": ["c4"], "test": ["c1", "x"]}"#;
    let folds = from_text(text).expect("the text is good");
    let errors: Vec<String> =
        check_given(&folds, &cases(3)).expect_err("it is wrong").iter().map(ToString::to_string).collect();
    let expected = [
        "fold 0: the case `c2` stands more than once",
        "fold 0: the case `x` in test is not in the data",
        "fold 0: patient `p0` is in train (case `c0`) and in test (case `c1`), which leaks",
    ];
    assert_eq!(errors, expected);
    assert_eq!(check_given(&[], &cases(1)), Err(vec![SplitError::NoFold]));
}

#[test]
fn splits_are_json_or_csv() {
    let fold = from_text("case,part\nc0,train\nc2, test\n").expect("the text is good");
    assert_eq!(fold, [Fold { train: vec!["c0".to_owned()], validation: vec![], test: vec!["c2".to_owned()] }]);
    assert_eq!(from_text("case,part,fold\nc0,train,0\nc0,test,1\n").expect("the text is good").len(), 2);
    assert_eq!(from_text(r#"[{"train": []}, {"train": []}]"#).expect("the text is good").len(), 2);
    for wrong in ["case,part\nc0,tset\n", r#"{"trian": []}"#, "nonsense,columns\n1,2\n"] {
        assert!(matches!(from_text(wrong), Err(SplitError::File { .. })), "{wrong}");
    }
}

#[test]
fn official_parts_are_one_fold() {
    let mut cases = cases(6);
    cases.iter_mut().enumerate().for_each(|(at, case)| case.part = Some(if at < 8 { Part::Train } else { Part::Test }));
    let fold = official(&cases, 0, quarter()).expect("the parts are good");
    assert_eq!((fold.train.len(), fold.validation.len(), fold.test.len()), (6, 2, 4));
    cases[9].patient = "p0".to_owned();
    assert!(matches!(official(&cases, 0, quarter()).expect_err("p0 leaks")[0], SplitError::Leakage { .. }));
    cases.iter_mut().for_each(|case| case.part = None);
    assert!(official(&cases, 0, quarter()).is_err());
}

/// Sites of 6, 3 and 3 patients, two cases each.
fn of_sites() -> Vec<Member> {
    let site = |patient: usize| ["a", "a", "b", "c"][patient % 4].to_owned();
    let member = |member: Member, at: usize| Member { site: Some(site(at / 2)), stratum: Some(site(at / 2)), ..member };
    cases(12).into_iter().enumerate().map(|(at, case)| member(case, at)).collect()
}

#[test]
fn folds_have_equal_shares_of_each_stratum() {
    let cases = of_sites();
    let site = |id: &String| cases.iter().find(|case| case.id == *id).and_then(|case| case.site.clone());
    for seed in 0..20 {
        let folds = kfold_by_patient(&cases, 3, seed, quarter()).expect("there are enough patients");
        check_given(&folds, &cases).expect("nobody leaks");
        for fold in folds {
            let count = |name: &str| fold.test.iter().filter(|id| site(id).as_deref() == Some(name)).count();
            assert_eq!([count("a"), count("b"), count("c")], [4, 2, 2], "seed {seed}");
        }
    }
}

#[test]
fn one_site_is_left_out_at_a_time() {
    let mut cases = of_sites();
    let folds = leave_one_site_out(&cases, 3, quarter()).expect("there are three sites");
    check_given(&folds, &cases).expect("nobody leaks");
    assert_eq!(folds.iter().map(|fold| fold.test.len()).collect::<Vec<_>>(), [12, 6, 6]);
    assert!(folds.iter().all(|fold| !fold.validation.is_empty()));
    cases[1].site = Some("b".to_owned());
    let error = leave_one_site_out(&cases, 3, quarter()).expect_err("a patient is of two sites");
    assert!(matches!(error, SplitError::TwoSites { .. }), "{error}");
    cases.truncate(1);
    assert!(matches!(leave_one_site_out(&cases, 3, quarter()), Err(SplitError::OneSite { .. })));
    cases[0].site = None;
    assert!(matches!(leave_one_site_out(&cases, 3, quarter()), Err(SplitError::NoSite { .. })));
}

#[test]
fn a_share_is_held_out_once() {
    let cases = cases(10);
    let fold = hold_out(&cases, 1, quarter(), quarter()).expect("there are enough patients");
    check_given(std::slice::from_ref(&fold), &cases).expect("nobody leaks");
    assert_eq!([fold.train.len(), fold.validation.len(), fold.test.len()], [10, 4, 6]);
}

#[test]
fn splits_of_nnunet_hold_their_val_out() {
    let cases = cases(4);
    let text =
        r#"[{"train": ["c0", "c1", "c2", "c3"], "val": ["c4", "c5"]}, {"train": ["c4", "c5", "c6"], "val": ["c0"]}]"#;
    let mut folds = from_text(text).expect("the text is good");
    assert_eq!((folds[0].test.len(), folds[0].validation.len()), (2, 0));
    carve_validation(&mut folds, &cases, 0, quarter()).expect("there are enough patients");
    check_given(&folds, &cases).expect("nobody leaks");
    assert_eq!((folds[0].validation.len(), folds[0].train.len()), (2, 2));
    assert!(from_text(r#"[{"train": ["c0"], "vall": ["c4"]}]"#).is_err());
}

#[test]
fn inner_folds_never_see_what_the_outer_one_tests() {
    let cases = of_sites();
    let patient = |id: &String| cases.iter().find(|case| case.id == *id).map(|case| case.patient.as_str());
    for seed in 0..20 {
        let outer = kfold_by_patient(&cases, 4, seed, quarter()).expect("there are enough patients");
        let mut dealt = BTreeSet::new();
        for (at, fold) in outer.iter().enumerate() {
            let tested: BTreeSet<_> = fold.test.iter().map(patient).collect();
            let inner = nested(&cases, (at, fold), 3, seed, quarter()).expect("nine patients are left");
            check_given(&inner, &cases).expect("nobody leaks");
            assert!(inner.iter().flat_map(all_of).all(|case| !tested.contains(&patient(&case))), "seed {seed}");
            // Each of the others is tested once.
            let mut inner_tests: Vec<String> = inner.iter().flat_map(|fold| fold.test.clone()).collect();
            let mut others = [&fold.train[..], &fold.validation].concat();
            inner_tests.sort();
            others.sort();
            assert_eq!(inner_tests, others);
            dealt.insert(inner[0].test.iter().map(patient).collect::<Vec<_>>());
        }
        assert!(dealt.len() > 1, "each outer fold deals in an order of its own");
    }
    let fold = &kfold_by_patient(&cases, 4, 0, quarter()).expect("there are enough patients")[0];
    let error = nested(&cases, (0, fold), 10, 0, quarter()).expect_err("nine patients are left");
    assert_eq!(
        error.to_string(),
        "`nested: { folds: 10 }`: fold 0 leaves 9 patients untested, so there are at most 9 inner folds"
    );
    // A fold from a file that holds one of two cases of a patient: the other is no inner case either.
    let given = Fold { test: vec!["c0".to_owned()], ..Fold::default() };
    let inner = nested(&cases, (0, &given), 3, 0, quarter()).expect("there are enough patients");
    assert!(inner.iter().all(|fold| !all_of(fold).contains(&"c1".to_owned())));
}

fn all_of(fold: &Fold) -> Vec<String> {
    [&fold.train[..], &fold.validation, &fold.test].concat()
}

#[test]
fn only_splits_by_image_part_a_patient_and_say_so() {
    let cases = cases(10);
    let by_patient = kfold_by_patient(&cases, 5, 0, quarter()).expect("there are enough patients");
    assert!(by_patient.iter().all(|fold| Leak::of(fold, &cases) == Leak { tested: 2, seen: 0 }));
    let images = by_image(&cases);
    let by_image = kfold_by_patient(&images, 5, 0, quarter()).expect("there are enough images");
    let errors = check_given(&by_image, &cases).expect_err("patients are on both sides");
    assert!(errors.iter().all(|error| matches!(error, SplitError::Leakage { .. })));
    let leaks: Vec<Leak> = by_image.iter().map(|fold| Leak::of(fold, &cases)).collect();
    assert!(leaks.iter().all(|leak| leak.tested >= 2 && leak.seen > 0 && leak.seen <= leak.tested), "{leaks:?}");
    assert_eq!(
        Leak { tested: 4, seen: 3 }.to_string(),
        "folds cut by image (`leaky: true`): 3 of 4 tested patients have images in training too"
    );
    check_given(&by_image, &images).expect("no image is on both sides");
}
