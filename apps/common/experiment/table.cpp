#include "apps/common/experiment/table.h"

#include <map>

#include "kernels/common/error.h"

namespace engram::apps {
namespace {

/// Measurements of one of the plan's cells by seed.
using BySeed = std::map<std::uint64_t, CellMeasurement>;

BySeed measured(const std::string& name, const std::vector<Cell>& cells, const CellStore& store,
                const PlanMeasure& measure) {
  BySeed result;
  for (const Cell& cell : cells) {
    if (cell.name != name || store.status(cell).kind != CellStatus::Kind::kComplete) continue;
    if (const auto measurement = store.measurement(cell, measure)) result[cell.seed] = *measurement;
  }
  return result;
}

template <class Value>
MeanInterval over(const BySeed& seeds, Value value) {
  std::vector<double> values;
  for (const auto& [seed, m] : seeds) values.push_back(value(m));
  return mean_interval(values);
}

PairedTest compare(const BySeed& ours, const BySeed& theirs) {
  std::vector<double> differences;
  for (const auto& [seed, m] : ours)
    if (const auto other = theirs.find(seed); other != theirs.end()) differences.push_back(m.last - other->second.last);
  return paired_test(differences);
}

void add_attempts(TableRow& row, const std::vector<Cell>& cells, const CellStore& store) {
  for (const Cell& cell : cells) {
    if (cell.name != row.plan.cell) continue;
    ++row.seeds;
    const CellStatus status = store.status(cell);
    row.device_hours += status.seconds / 3600;
    if (status.kind == CellStatus::Kind::kFailed)
      row.failures.push_back(message("seed ", cell.seed, ": exit code ", status.exit_code, ": ", status.failure));
  }
}

}  // namespace

Table make_table(const Plan& plan, const std::vector<Cell>& cells, const CellStore& store) {
  Table table{plan.title, plan.scale, plan.note, plan.measure.label, plan.measure.percent, {}};
  for (const PlanRow& line : plan.rows) {
    TableRow row;
    row.plan = line;
    const BySeed ours = measured(line.cell, cells, store, plan.measure);
    row.last = over(ours, [](const CellMeasurement& m) { return m.last; });
    row.best = over(ours, [](const CellMeasurement& m) { return m.best; });
    row.best_epoch = over(ours, [](const CellMeasurement& m) { return m.best_epoch; }).mean;
    row.epochs = over(ours, [](const CellMeasurement& m) { return m.epochs; }).mean;
    row.steps = over(ours, [](const CellMeasurement& m) { return m.steps; }).mean;
    row.images = over(ours, [](const CellMeasurement& m) { return m.images; }).mean;
    if (!line.published.empty() && row.last.count > 0)
      row.last_minus_published = row.last.mean - line.published.front().value;
    if (!line.reference.empty())
      row.against_reference = compare(ours, measured(line.reference, cells, store, plan.measure));
    add_attempts(row, cells, store);
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace engram::apps
