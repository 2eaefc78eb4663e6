#pragma once
/// Pictures of environments and of what a network makes of them.

#include <string>
#include <vector>

#include "apps/common/principal_plane.h"
#include "engine/io/image.h"
#include "models/data/environments.h"

namespace engram::apps {

/// The first `columns` images of each class of each environment, a row a class under the environment's name. Two
/// channels are shown as red and green, as Coloured MNIST is in print; images of more than three show their first.
io::Image environment_sheet(const Environments& environments, dim_t columns);

/// Points in colours by group on white, with the groups' names beside them. Groups beyond the eighth repeat colours.
/// `points` and `groups` have one length; throws UsageError otherwise.
io::Image scatter_picture(const std::string& title, const std::vector<PlanePoint>& points,
                          const std::vector<int>& groups, const std::vector<std::string>& names);

}  // namespace engram::apps
