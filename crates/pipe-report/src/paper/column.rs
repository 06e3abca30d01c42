//! The scores of a row that a column speaks of: found in its evaluations, gathered over folds and seeds.
//!
//! Does not know how numbers are written.

use indexmap::IndexMap;
use pipe_metrics::{
    Description, Evaluation, Pooled, Score,
    statistics::{
        Bootstrap, Cell, Estimate, Over, Patients, StatisticsError, Summary, bootstrap, mean, per_patient, spreads,
        summarise,
    },
};

use super::{ColumnSpec, Evaluated, Of, OverSpec, TableError};

/// The scores of a row in a column.
#[derive(Clone, Debug)]
pub(super) struct Scores {
    /// What the metric is called.
    pub(super) metric: Description,
    /// One for each case of each fold and seed.
    pub(super) all: Vec<CaseScore>,
    /// Of all pixels together: one for each seed, the mean over classes where none is named.
    pub(super) pooled: Vec<Score>,
}

/// What one case scores.
#[derive(Clone, Debug)]
pub(super) struct CaseScore {
    pub(super) fold: String,
    pub(super) seed: String,
    pub(super) case: String,
    pub(super) patient: String,
    pub(super) score: Score,
    /// Which evaluation it is of.
    pub(super) from: usize,
}

impl Scores {
    /// Finds the scores of a row; `system` names it in errors.
    pub(super) fn of(system: &str, column: &ColumnSpec, there: &[Evaluated]) -> Result<Self, TableError> {
        let mut all = Vec::new();
        let mut metric = None;
        // By seed: how it was measured, and the sums of each class over its folds.
        let mut seeds: IndexMap<&str, (&Evaluation, IndexMap<&str, Pooled>)> = IndexMap::new();
        for (from, evaluated) in there.iter().enumerate() {
            let Evaluated { fold, seed, evaluation, .. } = evaluated;
            let at = evaluation.metric(&column.metric).ok_or_else(|| TableError::NoMetric {
                system: system.to_owned(),
                metric: column.metric.clone(),
                known: evaluation.metrics.iter().map(|metric| metric.key.clone()).collect(),
            })?;
            let class = match &column.class {
                Some(name) if name == pipe_metrics::MEAN => None,
                Some(name) => Some(evaluation.classes.iter().position(|class| class == name).ok_or_else(|| {
                    TableError::NoClass {
                        system: system.to_owned(),
                        class: name.clone(),
                        known: evaluation.views().into_iter().map(|(name, _)| name).collect(),
                    }
                })?),
                None => None,
            };
            metric.get_or_insert_with(|| evaluation.metrics[at].clone());
            all.extend(evaluation.cases.iter().map(|case| CaseScore {
                fold: fold.clone(),
                seed: seed.clone(),
                case: case.case.clone(),
                patient: case.patient.clone(),
                score: evaluation.score(case, class, at),
                from,
            }));
            if column.of == Of::Pooled {
                let classes = class.map_or(0..evaluation.single_classes(), |class| class..class + 1);
                let sums = &mut seeds.entry(seed).or_insert_with(|| (evaluation, IndexMap::new())).1;
                for class in classes {
                    let sum = sums.entry(&evaluation.classes[class]).or_default();
                    if let Some(pooled) = evaluated.pooled.as_ref().and_then(|pooled| pooled.get(class)) {
                        sum.merge(pooled);
                    }
                }
            }
        }
        let of_seed = |(evaluation, sums): (&Evaluation, IndexMap<&str, Pooled>)| {
            let metric = evaluation.recipe.iter().nth(evaluation.metric(&column.metric)?)?;
            let classes = sums.values().map(|sum| metric.pooled(sum, evaluation.empty)).collect::<Option<Vec<Score>>>();
            classes.map(|classes| Score::mean(&classes))
        };
        let pooled = seeds.into_values().map(of_seed).collect::<Option<Vec<Score>>>();
        let pooled = pooled.ok_or_else(|| TableError::NotPooled { metric: column.metric.clone() })?;
        let metric = metric.ok_or_else(|| TableError::NoRun { system: system.to_owned() })?;
        Ok(Self { metric, all, pooled })
    }

    /// Of each case the mean over the seeds that test it.
    pub(super) fn cases(&self) -> Vec<(&str, Score)> {
        let mut cases: IndexMap<(&str, &str), Vec<Score>> = IndexMap::new();
        for score in &self.all {
            cases.entry((&score.case, &score.patient)).or_default().push(score.score);
        }
        cases.into_iter().map(|((_, patient), scores)| (patient, Score::mean(&scores))).collect()
    }

    /// Of each patient the mean of its cases.
    pub(super) fn patients(&self) -> Result<Patients, StatisticsError> {
        per_patient(self.cases())
    }

    /// The scores by fold and seed.
    fn cells(&self) -> Vec<Cell> {
        let mut cells: IndexMap<usize, Cell> = IndexMap::new();
        for score in &self.all {
            let new = || Cell { fold: score.fold.clone(), seed: score.seed.clone(), scores: Vec::new() };
            cells.entry(score.from).or_insert_with(new).scores.push(score.score);
        }
        cells.into_values().collect()
    }

    /// How many cases a convention excludes, and to how many it gives a value.
    pub(super) fn by_convention(&self) -> [usize; 2] {
        let cases = self.cases();
        let count = |is: fn(&Score) -> bool| cases.iter().filter(|(_, score)| is(score)).count();
        [count(|score| matches!(score, Score::Excluded)), count(|score| matches!(score, Score::Imputed(_)))]
    }

    /// Mean, spread and quartiles over what was asked for.
    pub(super) fn summary(&self, of: Of, over: OverSpec) -> Result<Summary, StatisticsError> {
        if of == Of::Pooled {
            return summarise(&self.pooled, Over::Seeds);
        }
        match over {
            OverSpec::Cases => {
                summarise(&self.cases().into_iter().map(|(_, score)| score).collect::<Vec<_>>(), Over::Cases)
            }
            OverSpec::Patients => {
                let patients = self.patients()?;
                let known = patients.values.values().map(|value| Score::Known(*value));
                let excluded = patients.excluded.iter().map(|_| Score::Excluded);
                summarise(&known.chain(excluded).collect::<Vec<_>>(), Over::Patients)
            }
            OverSpec::Folds => Ok(spreads(&self.cells())?.folds),
            OverSpec::Seeds => Ok(spreads(&self.cells())?.seeds),
        }
    }

    /// The confidence interval of the mean, by resampling patients with all their cases.
    pub(super) fn interval(&self, over: OverSpec) -> Result<Estimate, StatisticsError> {
        let mut patients: IndexMap<&str, Vec<f64>> = IndexMap::new();
        for (patient, score) in self.cases() {
            patients.entry(patient).or_default().extend(score.value());
        }
        let patients: Vec<Vec<f64>> = patients.into_values().filter(|values| !values.is_empty()).collect();
        let of_patient: Vec<f64> = patients.iter().filter_map(|values| mean(values)).collect();
        let statistic = |chosen: &[usize]| match over {
            OverSpec::Cases => {
                let (sum, count) = chosen.iter().fold((0.0, 0), |(sum, count), at| {
                    (sum + patients[*at].iter().sum::<f64>(), count + patients[*at].len())
                });
                sum / count as f64
            }
            _ => chosen.iter().map(|at| of_patient[*at]).sum::<f64>() / chosen.len() as f64,
        };
        bootstrap(patients.len(), statistic, &Bootstrap::default())
    }
}
