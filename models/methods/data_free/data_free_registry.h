#pragma once
/// The data-free methods that train a student, by name.

#include "models/methods/data_free/data_free_task.h"
#include "models/registry.h"

namespace engram {

/// Made for a teacher and a student.
using DataFreeRegistry = Registry<DataFreeTask, const DataFreeProblem&>;

/// All of them. Those whose name ends in -cmi, and dfq, have the settings of CMI's benchmark, the others their
/// authors'.
const DataFreeRegistry& data_free_registry();

/// What `method` names, a word or a JSON object with settings. Throws UsageError for unknown names and settings and
/// values that make no sense, DataError for networks that do not fit the method.
std::unique_ptr<DataFreeTask> make_data_free_task(const std::string& method, const DataFreeProblem& problem);

void add_dafl(DataFreeRegistry& registry);
void add_zskt(DataFreeRegistry& registry);
void add_dfad(DataFreeRegistry& registry);
void add_generative(DataFreeRegistry& registry);
void add_pre_dfkd(DataFreeRegistry& registry);
void add_pool_methods(DataFreeRegistry& registry);

}  // namespace engram
