#pragma once
/// The settings of a run, for TensorBoard.

#include <string>

#include "engine/io/tfevents.h"

namespace engram::apps {

/// The members of a configuration (the text of config.json) as hyper-parameters: members of objects within are named
/// "outer.inner", lists are their JSON text, and names that begin with "//" are comments. A text that is not a JSON
/// object has none.
io::HyperParameters hyper_parameters_of(const std::string& configuration);

}  // namespace engram::apps
