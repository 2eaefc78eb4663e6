#pragma once
/// The data set of a training, by the folder of its run.

#include <iosfwd>

#include "apps/common/data_settings.h"

namespace engram::apps {

/// Where `given.data` is the folder of a run that was trained on a data set (its manifest names the input "data"): the
/// same settings with that set's path, and with the kind, size, domains and index lists of the run where `given` has
/// their defaults. All other settings, those of an inversion's folder among them, as they are. What was taken is said
/// on `remarks`, if there is one. Throws DataError for a run without images, saying what it is, and IoError and
/// DataError for a damaged manifest or configuration.
DataSettings data_of_run(const DataSettings& given, std::ostream* remarks);

}  // namespace engram::apps
