#pragma once
/// What engram-genes select says of its result, in the report and on the console alike.

#include <string>

#include "models/genes/pipeline.h"

namespace engram::apps {

/// How many of the listed genes are declared, and what that means: two or three sentences. Says no more than the tests
/// that were run.
std::string headline(const genes::Cohort& cohort, const genes::Selection& selection);

/// "yes" where the gene is declared, "group" where a group is that it belongs to, else "no".
const char* declared_text(const genes::SelectedGene& gene);

/// Which groups are declared of which no gene is, and what that means; empty where there are none.
std::string groups_sentence(const genes::Cohort& cohort, const genes::Selection& selection);

/// What the negative control found, one sentence.
std::string control_sentence(const genes::Selection& selection);

/// What an interval after selection is called that there is none of: why.
std::string no_interval_text(const genes::Selection& selection);

/// Whether the family test ran.
bool family_test_ran(const genes::Selection& selection);

/// A family-wise p-value; the least that the replicates can give is marked as such. Empty where the test did not run.
std::string family_p_text(double p, const genes::Selection& selection);

/// Whether clinical variables predict treatment (any, at 1 % after Bonferroni): it was then not drawn by lot.
bool treatment_depends_on_clinical(const genes::ConfoundingReport& confounding);

}  // namespace engram::apps
