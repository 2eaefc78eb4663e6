#pragma once
/// What a network makes of the images of several environments, as pictures of a run.

#include <filesystem>

#include "models/data/environments.h"
#include "models/nets/network.h"

namespace engram::apps {

/// Writes pictures into `folder`: features_by_class.png, features_by_environment.png and, where images have second
/// labels, features_by_context.png (pooled features of up to `most` images of each training and test environment in the
/// plane of their principal components); of a two-branch network also augmented_features.png: context features of the
/// training images, and where a step of length `augment_step` along the context's gradient takes them.
void write_feature_pictures(const std::filesystem::path& folder, Network& network, const OodData& data, dim_t most,
                            double augment_step);

}  // namespace engram::apps
