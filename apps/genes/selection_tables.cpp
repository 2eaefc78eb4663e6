#include "apps/genes/selection_tables.h"

#include <nlohmann/json.hpp>

#include "apps/genes/section_parts.h"
#include "apps/genes/selection_words.h"
#include "engine/io/atomic_file.h"
#include "engine/io/csv.h"

namespace engram::apps {
namespace {

using genes::Cohort;
using genes::SelectedGene;
using genes::Selection;
using Json = nlohmann::ordered_json;

Json names_of(const Cohort& cohort, const std::vector<dim_t>& genes) {
  Json names = Json::array();
  for (dim_t gene : genes) names.push_back(name_of(cohort, gene));
  return names;
}

void write_genes(const RunDir& run, const Cohort& cohort, const Selection& s, const SelectionValidation& validation) {
  const std::vector<std::string> header = {"rank",
                                           "gene",
                                           "effect",
                                           "se",
                                           "lower95",
                                           "upper95",
                                           "likelihood_ratio",
                                           "scale",
                                           "score",
                                           "other_scale",
                                           "other_effect",
                                           "other_se",
                                           "other_lr",
                                           "main_effect",
                                           "main_se",
                                           "carriers",
                                           "treated",
                                           "in_best_set",
                                           "seeds",
                                           "usage",
                                           "stability",
                                           "family_z",
                                           "family_p",
                                           "robust_se",
                                           "selective_effect",
                                           "selective_lower95",
                                           "selective_upper95",
                                           "e_value",
                                           "hidden_effect",
                                           "direction_ok",
                                           "both_scales",
                                           "declared",
                                           "stabilized_effect",
                                           "stabilized_se",
                                           "overlap_effect",
                                           "overlap_se",
                                           "stratified_log_hazard",
                                           "stratified_se",
                                           "bootstrap",
                                           "apart_p",
                                           "group_declared",
                                           "alternatives"};
  io::CsvWriter csv(run / "selected_genes.csv", header);
  std::int64_t rank = 0;
  for (const SelectedGene& g : s.genes) {
    csv.cell(++rank).cell(name_of(cohort, g.gene)).cell(g.effect).cell(g.se);
    csv.cell(g.effect - 1.96 * g.se).cell(g.effect + 1.96 * g.se).cell(g.drop);
    csv.cell(genes::likelihood_name(s.likelihood)).cell(g.score).cell(genes::likelihood_name(s.other_likelihood));
    csv.cell(g.other_effect).cell(g.other_se).cell(g.other_drop).cell(g.main_effect).cell(g.main_se);
    csv.cell(std::int64_t(g.carriers)).cell(std::int64_t(g.carriers_treated)).cell(std::int64_t(g.in_set));
    csv.cell(g.seed_share).cell(g.usage).cell(g.stability);
    if (family_test_ran(s)) {
      csv.cell(g.family_z).cell(g.family_p);
    } else {
      csv.cell("").cell("");
    }
    csv.cell(g.selective.robust_se).cell(g.selective.effect).cell(g.selective.low).cell(g.selective.high);
    csv.cell(g.e_value);
    csv.cell(g.hidden_effect)
        .cell(std::int64_t(g.direction_ok))
        .cell(std::int64_t(g.both_scales))
        .cell(std::int64_t(g.declared));
    for (const genes::Estimate& e : {g.adjusted.stabilized, g.adjusted.overlap, g.adjusted.stratified})
      csv.cell(e.effect).cell(e.se);
    if (validation.bootstrap) {
      csv.cell(validation.bootstrap->share[std::size_t(g.gene)]);
    } else {
      csv.cell("");
    }
    if (family_test_ran(s)) {
      csv.cell(g.apart_p);
    } else {
      csv.cell("");
    }
    std::string alternatives;
    for (const dim_t other : g.alternatives) alternatives += (alternatives.empty() ? "" : " ") + name_of(cohort, other);
    csv.cell(std::int64_t(g.group_declared)).cell(alternatives);
    csv.end_row();
  }
  csv.commit();
}

void write_candidates(const RunDir& run, const Cohort& cohort, const Selection& s) {
  const std::vector<std::string> header = {"rank",        "gene",  "cox_z", "aft_z",
                                           "in_best_set", "seeds", "usage", "stability"};
  io::CsvWriter csv(run / "candidates.csv", header);
  for (std::size_t j = 0; j < s.filtered.size(); ++j) {
    const genes::FilteredGene& f = s.filtered[j];
    const bool searched = !s.wrapper.seed_share.empty();
    csv.cell(std::int64_t(j + 1)).cell(name_of(cohort, f.gene)).cell(f.cox_z).cell(f.aft_z);
    csv.cell(std::int64_t(s.wrapper.best.contains(int(j))));
    csv.cell(searched ? s.wrapper.seed_share[j] : 0).cell(searched ? s.wrapper.usage[j] : 0);
    csv.cell(s.stability.share.empty() ? 0 : s.stability.share[std::size_t(f.gene)]);
    csv.end_row();
  }
  csv.commit();
}

Json estimate_json(const genes::Estimate& e) {
  return {{"effect", e.effect}, {"se", e.se}};
}

Json gene_json(const Cohort& cohort, const SelectedGene& g, bool tested) {
  Json duels = Json::array();
  for (const genes::Duel& d : g.duels)
    duels.push_back({{"rival", name_of(cohort, d.rival)},
                     {"correlation", d.correlation},
                     {"likelihood_ratio", d.drop_gene},
                     {"rival_likelihood_ratio", d.drop_rival},
                     {"ambiguous", d.ambiguous}});
  return {{"gene", name_of(cohort, g.gene)},
          {"effect", g.effect},
          {"se", g.se},
          {"likelihood_ratio", g.drop},
          {"other_effect", g.other_effect},
          {"other_se", g.other_se},
          {"other_likelihood_ratio", g.other_drop},
          {"main_effect", g.main_effect},
          {"main_se", g.main_se},
          {"carriers", g.carriers},
          {"carriers_treated", g.carriers_treated},
          {"in_best_set", g.in_set},
          {"score", g.score},
          {"seeds", g.seed_share},
          {"usage", g.usage},
          {"stability", g.stability},
          {"family_z", tested ? Json(g.family_z) : Json()},
          {"family_p", tested ? Json(g.family_p) : Json()},
          {"robust_se", g.selective.robust_se},
          {"selective_effect", g.selective.effect},
          {"selective_lower95", g.selective.low},
          {"selective_upper95", g.selective.high},
          {"e_value", g.e_value},
          {"hidden_effect", g.hidden_effect},
          {"stabilized_weights", estimate_json(g.adjusted.stabilized)},
          {"overlap_weights", estimate_json(g.adjusted.overlap)},
          {"propensity_strata_log_hazard", estimate_json(g.adjusted.stratified)},
          {"direction_ok", g.direction_ok},
          {"both_scales", g.both_scales},
          {"declared", g.declared},
          {"apart_p", tested ? Json(g.apart_p) : Json()},
          {"group_declared", g.group_declared},
          {"alternatives", names_of(cohort, g.alternatives)},
          {"duels", duels}};
}

Json model_json(const genes::ModelChoice& c) {
  Json parametric = Json::array(), hazards = Json::array();
  for (const auto& fit : c.parametric)
    parametric.push_back(
        {{"likelihood", genes::likelihood_name(fit.likelihood)}, {"loglik", fit.loglik}, {"aic", fit.aic}});
  for (const auto& row : c.hazards)
    hazards.push_back({{"name", row.name}, {"correlation", row.correlation}, {"log10_p", row.log10_p}});
  return {{"chosen", genes::likelihood_name(c.likelihood)},
          {"reason", c.reason},
          {"patients", c.patients},
          {"events", c.events},
          {"cox_loglik", c.cox_loglik},
          {"cox_concordance", c.cox_concordance},
          {"parametric", parametric},
          {"proportional_hazards", {{"global_log10_p", c.hazards_log10_p}, {"columns", hazards}}}};
}

Json confounding_json(const genes::ConfoundingReport& c) {
  Json balance = Json::array();
  for (std::size_t i = 0; i < c.stabilized.rows.size(); ++i)
    balance.push_back({{"name", c.stabilized.rows[i].name},
                       {"difference", c.stabilized.rows[i].difference},
                       {"weighted_difference", c.stabilized.rows[i].weighted_difference},
                       {"overlap_weighted_difference", c.overlap.rows[i].weighted_difference}});
  return {{"auc", c.auc},
          {"propensity_lowest", c.lowest},
          {"propensity_highest", c.highest},
          {"instrument_like", c.instrument_like},
          {"effective_size", c.stabilized.effective_size},
          {"balance", balance}};
}

Json wrapper_json(const Cohort& cohort, const Selection& s) {
  Json runs = Json::array();
  for (const genes::WrapperRun& run : s.wrapper.runs) {
    std::vector<dim_t> set;
    for (int j : run.best.members()) set.push_back(s.filtered[std::size_t(j)].gene);
    Json trajectory = Json::array();
    for (const genes::TrajectoryPoint& p : run.trajectory) trajectory.push_back({p.evaluations, p.fitness});
    runs.push_back({{"seed", run.seed},
                    {"fitness", run.fitness},
                    {"evaluations", run.evaluations},
                    {"set", names_of(cohort, set)},
                    {"trajectory", trajectory}});
  }
  return {{"fitness", genes::fitness_name(s.fitness)}, {"best", s.wrapper.fitness}, {"runs", runs}};
}

/// Every step of the family test: also genes that the search did not list.
Json family_json(const Cohort& cohort, const Selection& s) {
  if (!family_test_ran(s)) return nullptr;
  Json steps = Json::array();
  for (const genes::FamilyStep& step : s.declaration.family.steps)
    steps.push_back({{"gene", name_of(cohort, step.gene)}, {"z", step.z}, {"p", step.p}});
  return {{"replicates", s.declaration.family.replicates}, {"tested", s.declaration.family.tested}, {"steps", steps}};
}

/// How the choice was seen to treat genes without an effect; null where it was not repeated.
Json reselection_json(const Selection& s) {
  if (s.reselections == 0) return nullptr;
  if (!s.listing.selective)
    return {{"replicates", s.reselections}, {"listing_threshold", nullptr}, {"listing_known", s.listing.known}};
  return {{"replicates", s.reselections},
          {"listing_threshold", s.listing.threshold},
          {"listing_softness", s.listing.softness}};
}

Json bootstrap_json(const Cohort& cohort, const genes::Bootstrap& b) {
  Json share = Json::object();
  for (std::size_t j = 0; j < b.share.size(); ++j)
    if (b.share[j] > 0) share[cohort.gene_names[j]] = b.share[j];
  return {{"resamples", b.runs},
          {"listed_again", {{"mean", b.mean}, {"low", b.low}, {"high", b.high}, {"counts", b.reselected}}},
          {"share", share}};
}

Json score_json(const genes::PredictionScore& s) {
  return {{"harrell", s.harrell}, {"uno", s.uno}, {"partial_likelihood", s.partial_likelihood}};
}

void add_validation(Json& result, const Cohort& cohort, const SelectionValidation& validation) {
  if (validation.bootstrap) result["bootstrap"] = bootstrap_json(cohort, *validation.bootstrap);
  for (const genes::PredictionPair& pair : validation.prediction)
    result["cross_validation"].push_back(
        {{"without_genes", score_json(pair.base)}, {"with_genes", score_json(pair.genes)}});
}

}  // namespace

void write_selection(const RunDir& run, const Cohort& cohort, const Selection& s,
                     const SelectionValidation& validation) {
  write_genes(run, cohort, s, validation);
  write_candidates(run, cohort, s);
  Json list = Json::array();
  for (const SelectedGene& g : s.genes) list.push_back(gene_json(cohort, g, family_test_ran(s)));
  Json result = {{"cohort", cohort.name},
                 {"mode", genes::mode_name(s.mode)},
                 {"scale", genes::likelihood_name(s.likelihood)},
                 {"other_scale", genes::likelihood_name(s.other_likelihood)},
                 {"genes", list},
                 {"model", model_json(s.choice)},
                 {"confounding", confounding_json(s.confounding)},
                 {"prognostic_genes", names_of(cohort, s.prognostic.genes)},
                 {"wrapper", wrapper_json(cohort, s)},
                 {"family_test", family_json(cohort, s)},
                 {"negative_control",
                  {{"found", s.control.found},
                   {"false_alarms", s.control.false_alarms},
                   {"p", s.control.p},
                   {"failed", s.control.failed()}}},
                 {"reselections", reselection_json(s)},
                 {"stability_runs", s.stability.runs}};
  add_validation(result, cohort, validation);
  const auto replace = Json::error_handler_t::replace;
  io::write_file(run / "selection.json", result.dump(1, ' ', false, replace) + "\n");
}

}  // namespace engram::apps
