#pragma once
/// Images for a classifier: read with its classes, given its shape, and looked at for what does not fit.

#include <iosfwd>
#include <string>

#include "models/classifier_file.h"
#include "models/data/open_dataset.h"

namespace engram::apps {

/// What images for the classifier have to agree with: its number of classes, and their names where the file says them.
KnownClasses classifier_classes(const Classifier& classifier);

/// Reads the set that `request` names, with the classes that the classifier's file says, as images of the network's
/// shape. What the reader chose, and misfit_of(), is said on `notes`, if there is one. Throws as open_dataset and
/// network_images.
ImageDataset open_classifier_images(const Classifier& classifier, DatasetRequest request, std::ostream* notes);

/// One line where the images, by a classifier's constants, are far from mean 0 and deviation 1, as images of another
/// kind are than those that it was trained on; `channels` is how many the images had in their files. Else empty.
std::string misfit_of(const ImageDataset& data, const Normalization& normalization, dim_t channels);

}  // namespace engram::apps
