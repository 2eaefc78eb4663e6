#include "apps/genes/comparison_cell.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/common/sealed_json.h"
#include "engine/io/atomic_file.h"
#include "kernels/common/error.h"

namespace engram::apps {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kMaxCellBytes = std::uint64_t{1} << 26;

Json to_json(const genes::PredictionScore& s) {
  return {s.harrell, s.uno, s.partial_likelihood};
}

genes::PredictionScore score_of(const Json& json) {
  return {json.at(0).get<double>(), json.at(1).get<double>(), json.at(2).get<double>()};
}

Json to_json(const CellEntry& e) {
  const genes::Recovery& r = e.recovery;
  Json trajectory = Json::array();
  for (const genes::TrajectoryPoint& p : e.trajectory) trajectory.push_back({p.evaluations, p.fitness});
  Json json = {{"method", e.method},
               {"applicable", e.applicable},
               {"note", e.note},
               {"genes", e.genes},
               {"reported", r.reported},
               {"hits", r.hits},
               {"precision", r.precision},
               {"recall", r.recall},
               {"f1", r.f1},
               {"precision_at_5", r.precision_at_5},
               {"precision_at_10", r.precision_at_10},
               {"precision_at_20", r.precision_at_20},
               {"average_precision", r.average_precision},
               {"worst_rank", r.worst_rank},
               {"prognostic", r.prognostic},
               {"decoys", r.decoys},
               {"clinical_parents", r.clinical_parents},
               {"declared", e.declared},
               {"fitness", e.fitness},
               {"evaluations", e.evaluations},
               {"seconds", e.seconds},
               {"trajectory", trajectory}};
  if (e.benefit)
    json["benefit"] = {e.benefit->concordance, e.benefit->gain_of_all, e.benefit->gain_of_recommended,
                       e.benefit->share_recommended};
  if (e.prediction) json["prediction"] = {to_json(e.prediction->base), to_json(e.prediction->genes)};
  return json;
}

CellEntry entry_of(const Json& json) {
  CellEntry e;
  genes::Recovery& r = e.recovery;
  json.at("method").get_to(e.method);
  json.at("applicable").get_to(e.applicable);
  json.at("note").get_to(e.note);
  json.at("genes").get_to(e.genes);
  json.at("reported").get_to(r.reported);
  json.at("hits").get_to(r.hits);
  json.at("precision").get_to(r.precision);
  json.at("recall").get_to(r.recall);
  json.at("f1").get_to(r.f1);
  json.at("precision_at_5").get_to(r.precision_at_5);
  json.at("precision_at_10").get_to(r.precision_at_10);
  json.at("precision_at_20").get_to(r.precision_at_20);
  json.at("average_precision").get_to(r.average_precision);
  json.at("worst_rank").get_to(r.worst_rank);
  json.at("prognostic").get_to(r.prognostic);
  json.at("decoys").get_to(r.decoys);
  json.at("clinical_parents").get_to(r.clinical_parents);
  json.at("declared").get_to(e.declared);
  json.at("fitness").get_to(e.fitness);
  json.at("evaluations").get_to(e.evaluations);
  json.at("seconds").get_to(e.seconds);
  for (const Json& point : json.at("trajectory"))
    e.trajectory.push_back({point.at(0).get<std::int64_t>(), point.at(1).get<double>()});
  if (json.contains("benefit")) {
    const Json& b = json.at("benefit");
    e.benefit = {b.at(0).get<double>(), b.at(1).get<double>(), b.at(2).get<double>(), b.at(3).get<double>()};
  }
  if (json.contains("prediction"))
    e.prediction = {score_of(json.at("prediction").at(0)), score_of(json.at("prediction").at(1))};
  return e;
}

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& what) {
  throw DataError(message("[evaluate] expected the results of one cohort in ", file.string(), ", got ", what,
                          "; hint: delete the file, --resume makes it again"));
}

bool is_share(double value) {
  return value >= 0 && value <= 1;
}

bool is_finite_score(const genes::PredictionScore& s) {
  return is_share(s.harrell) && is_share(s.uno) && std::isfinite(s.partial_likelihood);
}

/// What is impossible about an entry; empty if nothing is.
std::string impossible(const CellEntry& e) {
  const genes::Recovery& r = e.recovery;
  if (r.reported < 0 || r.hits < 0 || r.hits > r.reported) return message(r.hits, " hits of ", r.reported);
  for (const double share :
       {r.precision, r.recall, r.f1, r.precision_at_5, r.precision_at_10, r.precision_at_20, r.average_precision}) {
    if (!is_share(share)) return message("a share of ", share);
  }
  for (const auto count : {r.prognostic, r.decoys, r.clinical_parents}) {
    if (count < 0 || count > r.reported) return message(count, " of ", r.reported, " genes");
  }
  if (e.declared < -1 || e.evaluations < 0) return message(e.declared, " declared, ", e.evaluations, " evaluations");
  if (!(e.seconds >= 0) || !std::isfinite(e.seconds)) return message(e.seconds, " seconds");
  if (e.prediction && !(is_finite_score(e.prediction->base) && is_finite_score(e.prediction->genes)))
    return "a concordance that is none";
  return {};
}

/// The patients' true gains in the cohort's order.
std::vector<double> true_gains(const genes::Cohort& cohort, const genes::AnswerKey& key) {
  std::vector<double> gains;
  for (dim_t row : cohort.row) gains.push_back(key.gain.at(std::size_t(row)));
  return gains;
}

}  // namespace

ComparisonCell make_cell(const std::string& scenario, std::uint64_t seed, const genes::Cohort& cohort,
                         const std::vector<genes::MethodResult>& results, const genes::AnswerKey& key, int reported) {
  ComparisonCell cell;
  cell.scenario = scenario;
  cell.seed = seed;
  const genes::Likelihood scale = genes::choose_model(cohort).likelihood;
  cell.scale = genes::likelihood_name(scale);
  for (const genes::MethodResult& result : results) {
    CellEntry e;
    e.method = result.method;
    e.applicable = result.applicable;
    e.note = result.note;
    e.recovery = genes::recovery(result.ranking, key, reported);
    std::vector<dim_t> list = result.ranking;
    list.resize(std::min(std::size_t(reported), list.size()));
    for (dim_t gene : list) e.genes.push_back(cohort.gene_names[std::size_t(gene)]);
    if (!key.gain.empty() && result.applicable)
      e.benefit = genes::benefit_score(genes::predicted_benefit(cohort, list, scale), true_gains(cohort, key));
    e.declared = result.declared;
    e.fitness = result.fitness;
    e.evaluations = result.evaluations;
    e.seconds = result.seconds;
    e.trajectory = result.trajectory;
    cell.entries.push_back(std::move(e));
  }
  return cell;
}

void add_predictions(ComparisonCell& cell, const std::vector<genes::Prediction>& predictions) {
  for (std::size_t m = 0; m < std::min(cell.entries.size(), predictions.size()); ++m)
    if (!predictions[m].empty()) cell.entries[m].prediction = predictions[m].front();
}

void save_cell(const std::filesystem::path& file, const ComparisonCell& cell) {
  Json entries = Json::array();
  for (const CellEntry& e : cell.entries) entries.push_back(to_json(e));
  const Json json = {{"scenario", cell.scenario}, {"seed", cell.seed}, {"scale", cell.scale}, {"methods", entries}};
  io::write_file(file, sealed_text(json));
}

ComparisonCell load_cell(const std::filesystem::path& file, const std::string& scenario, std::uint64_t seed) {
  const io::Bytes bytes = io::read_file(file, kMaxCellBytes);
  ComparisonCell cell;
  const auto json = unsealed(io::as_text(bytes));
  if (!json) refuse(file, "other results than were written");
  try {
    json->at("scenario").get_to(cell.scenario);
    json->at("seed").get_to(cell.seed);
    json->at("scale").get_to(cell.scale);
    for (const Json& entry : json->at("methods")) cell.entries.push_back(entry_of(entry));
  } catch (const Json::exception&) {
    refuse(file, "members that no evaluation writes");
  }
  if (cell.scenario != scenario || cell.seed != seed)
    refuse(file, message("those of ", cell.scenario, ", seed ", cell.seed));
  if (cell.entries.empty()) refuse(file, "no method");
  for (const CellEntry& entry : cell.entries) {
    const std::string wrong = impossible(entry);
    if (!wrong.empty()) refuse(file, message(wrong, " for ", entry.method));
  }
  return cell;
}

}  // namespace engram::apps
