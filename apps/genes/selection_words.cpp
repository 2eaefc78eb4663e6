#include "apps/genes/selection_words.h"

#include <algorithm>
#include <cmath>

#include "apps/common/page.h"
#include "kernels/common/error.h"

namespace engram::apps {
namespace {

std::string genes_are(std::size_t count, const char* one, const char* many) {
  return message(count, count == 1 ? one : many);
}

/// The groups that are declared, each once, by their genes in the order of the columns.
std::vector<std::vector<dim_t>> declared_groups(const genes::Selection& s) {
  std::vector<std::vector<dim_t>> groups;
  for (const genes::SelectedGene& g : s.genes) {
    if (!g.group_declared) continue;
    std::vector<dim_t> group = g.alternatives;
    group.push_back(g.gene);
    std::ranges::sort(group);
    if (std::ranges::find(groups, group) == groups.end()) groups.push_back(std::move(group));
  }
  return groups;
}

std::string tested_genes(dim_t count) {
  return count == 1 ? "the 1 gene that could be tested" : message("all ", count, " genes that could be tested");
}

}  // namespace

const char* declared_text(const genes::SelectedGene& g) {
  return g.declared ? "yes" : g.group_declared ? "group" : "no";
}

std::string groups_sentence(const genes::Cohort& cohort, const genes::Selection& s) {
  const std::vector<std::vector<dim_t>> groups = declared_groups(s);
  if (groups.empty()) return {};
  std::string text = message("Declared as ", genes_are(groups.size(), " group", " groups"),
                             " of genes that much the same patients carry, without telling which gene of the group it "
                             "is: ");
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (i > 0) text += "; ";
    for (std::size_t k = 0; k < groups[i].size(); ++k)
      text += (k == 0 ? "" : k + 1 < groups[i].size() ? ", " : " or ") + cohort.gene_names[std::size_t(groups[i][k])];
  }
  return text + ".";
}

std::string no_interval_text(const genes::Selection& s) {
  if (s.reselections == 0) return "not run";
  return s.listing.known ? "not estimable" : "choice not known";
}

bool family_test_ran(const genes::Selection& s) {
  return s.declaration.family.replicates > 0;
}

std::string headline(const genes::Cohort& cohort, const genes::Selection& s) {
  const std::string listed =
      message("Of ", genes_are(std::size_t(cohort.num_genes()), " gene", " genes"), ", ",
              genes_are(s.genes.size(), " is listed: the one", " are listed: those"),
              " with which a model of survival fits best in which mutated patients gain more from treatment. ");
  if (!family_test_ran(s))
    return listed + "Whether they stand out from chance was not tested (no permutations), so none is declared.";
  if (s.control.failed())
    return listed +
           "None is declared, because the rule for it also finds genes where treatment labels were permuted (see the "
           "negative control): on these data its p-values do not hold.";
  const auto declared = std::size_t(std::ranges::count_if(s.genes, &genes::SelectedGene::declared));
  const std::string tested = tested_genes(s.declaration.family.tested);
  const std::string others = declared < s.genes.size() ? " The others may be noise." : "";
  const std::string none = s.genes.size() == 1 ? "It is not declared" : "None of them is declared";
  const std::string groups = groups_sentence(cohort, s);
  if (declared == 0 && !groups.empty())
    return listed + message(none, " by itself. ", groups,
                            " At least one gene of each group changes "
                            "what the treatment does, beyond what chance makes of the strongest of ",
                            tested, " (family-wise p < 0.05). The others may be noise.");
  if (declared == 0)
    return listed + message(none, ": none stands out from chance over ", tested,
                            " (family-wise p < 0.05) and increases the benefit on the hazard "
                            "and on the time scale. From noise alone the list would look like this.");
  return listed + message(genes_are(declared, " of them is", " of them are"),
                          " declared: more benefit, on the hazard and on the time scale, and beyond what chance makes "
                          "of the strongest of ",
                          tested,
                          " (family-wise p < 0.05), also given any one gene that is "
                          "correlated with it.",
                          groups.empty() ? "" : " ", groups, others);
}

std::string control_sentence(const genes::Selection& s) {
  if (!family_test_ran(s)) return {};
  if (s.control.found.empty()) return "Negative control: not run.";
  return message(
      "Negative control (treatment labels permuted within fifths of the propensity, same rule): a gene or group was "
      "declared in ",
      s.control.false_alarms, " of ", s.control.found.size(), " repeats; 5 % of them are expected",
      s.control.failed() ? message(", and so many have the probability ", number_text(s.control.p, 2), ": it failed.")
                         : ": it passed.");
}

std::string family_p_text(double p, const genes::Selection& s) {
  if (!family_test_ran(s)) return {};
  const double least = 1.0 / double(s.declaration.family.replicates + 1);
  return (p <= 1.0001 * least ? "\u2264 " : "") + number_text(p, 2);
}

bool treatment_depends_on_clinical(const genes::ConfoundingReport& c) {
  double largest = 0;
  for (const double z : c.z) largest = std::max(largest, std::abs(z));
  const double variables = double(std::max<std::size_t>(1, c.z.size()));
  return survival::log10_p_normal(largest) + std::log10(variables) < std::log10(0.01);
}

}  // namespace engram::apps
