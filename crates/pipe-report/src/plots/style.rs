//! How pictures look, light, dark and on paper.
//!
//! Does not know what is drawn.

/// The rules for pictures; they need the variables `--text`, `--soft`, `--line`, `--card` and `--back` of a page.
///
/// Colours are those of Okabe and Ito, which colour-blind readers can tell apart, lighter on dark ground; lines differ in their dashes,
/// too. On paper the light ones are used.
pub(crate) const PLOT_STYLE: &str = "
:root { --s0: #0072b2; --s1: #d55e00; --s2: #009e73; --s3: #b5548f; --s4: #8a6d00; --s5: #3a8fc4; --s6: #5c6670; --s7: #7a4fb5; }
@media screen and (prefers-color-scheme: dark) { :root { --s0: #56b4e9; --s1: #ff8f4a; --s2: #2fc598; --s3: #e795c2; --s4: #e6c229; --s5: #9cc8ff; --s6: #a7b0b9; --s7: #bb9af7; } }
svg.plot { width: 100%; height: auto; display: block; } svg.plot text { fill: var(--soft); font: 11px system-ui, sans-serif; } svg.plot .strong { fill: var(--text); } svg.plot .on { fill: var(--back); } svg.plot .name { fill: var(--text); paint-order: stroke; stroke: var(--card); stroke-width: 3px; stroke-linejoin: round; }
svg.plot path { fill: none; stroke-linejoin: round; } svg.plot .grid { stroke: var(--line); stroke-width: .7; } svg.plot .axis { stroke: var(--soft); stroke-width: .8; } svg.plot .guide { stroke: var(--soft); stroke-dasharray: 3 3; } svg.plot .room { fill: var(--line); fill-opacity: .45; }
svg.plot .median { stroke: var(--text); stroke-width: 2; } svg.plot .ring { fill: var(--back); stroke: var(--text); stroke-width: 1.4; }
svg.plot [class^=l] { stroke-width: 1.8; } svg.plot [class^=b] { fill-opacity: .2; } svg.plot [class^=d] { fill-opacity: .55; } svg.plot [class^=q] { stroke-linecap: round; stroke-width: 4; stroke-opacity: .5; }
svg.plot .l0, svg.plot .q0 { stroke: var(--s0); } svg.plot .f0, svg.plot .b0, svg.plot .d0, svg.plot .t0 { fill: var(--s0); }
svg.plot .l1, svg.plot .q1 { stroke: var(--s1); } svg.plot .f1, svg.plot .b1, svg.plot .d1, svg.plot .t1 { fill: var(--s1); }
svg.plot .l2, svg.plot .q2 { stroke: var(--s2); } svg.plot .f2, svg.plot .b2, svg.plot .d2, svg.plot .t2 { fill: var(--s2); }
svg.plot .l3, svg.plot .q3 { stroke: var(--s3); } svg.plot .f3, svg.plot .b3, svg.plot .d3, svg.plot .t3 { fill: var(--s3); }
svg.plot .l4, svg.plot .q4 { stroke: var(--s4); } svg.plot .f4, svg.plot .b4, svg.plot .d4, svg.plot .t4 { fill: var(--s4); }
svg.plot .l5, svg.plot .q5 { stroke: var(--s5); } svg.plot .f5, svg.plot .b5, svg.plot .d5, svg.plot .t5 { fill: var(--s5); }
svg.plot .l6, svg.plot .q6 { stroke: var(--s6); } svg.plot .f6, svg.plot .b6, svg.plot .d6, svg.plot .t6 { fill: var(--s6); }
svg.plot .l7, svg.plot .q7 { stroke: var(--s7); } svg.plot .f7, svg.plot .b7, svg.plot .d7, svg.plot .t7 { fill: var(--s7); }
svg.plot .l1 { stroke-dasharray: 7 2.5; } svg.plot .l2 { stroke-dasharray: 2 2; } svg.plot .l3 { stroke-dasharray: 8 2.5 2 2.5; } svg.plot .l5 { stroke-dasharray: 4 2; } svg.plot .l6 { stroke-dasharray: 1 1.5; } svg.plot .l7 { stroke-dasharray: 10 3; }
svg.plot .faint { stroke-width: .8; opacity: .45; stroke-dasharray: none; } svg.plot .solid { stroke-dasharray: none; }
@media print { svg.plot { break-inside: avoid; print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
";
