#pragma once
/// State dictionaries whose names differ from the network's in habitual ways.

#include <string>
#include <vector>

#include "models/data/image_shape.h"
#include "models/module.h"

namespace engram {

/// A state under the network's names, and a sentence for each change that was made.
struct AdaptedState {
  StateDict tensors;
  std::vector<std::string> remarks;
};

/// Gives tensors the names that `network` has for them: a prefix that all names share is taken off ("module." of
/// DataParallel, "model." of Lightning), and where a name then still differs, "fc" and "classifier" stand for "linear",
/// "downsample" for "shortcut", and the other way round. A tensor is renamed only where the network has one of the new
/// name and of its shape, and the state has none. What does not fit stays as it is.
AdaptedState adapt_state(const StateDict& state, Module& network);

/// Whether load_state would take the names and shapes of the state, after adapt_state.
bool state_fits(const StateDict& state, Module& network);

/// The number of elements of a head's bias (linear.bias, fc.bias, classifier.bias or that of a numbered layer), under
/// any prefix; 0 when there is none or several disagree.
dim_t head_outputs(const StateDict& state);

/// Registered networks that take the state as it is or by adapt_state: by name, and in the short forms whose numbers
/// the state's shapes tell. For messages: it makes each of them.
std::vector<std::string> fitting_networks(const StateDict& state, int num_classes, const ImageShape& image = {});

}  // namespace engram
