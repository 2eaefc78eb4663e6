#pragma once
/// The images that engram-invert writes: one packed file a batch while the run lasts, then PNG files by class and one
/// packed file of all.

#include <filesystem>

#include "engine/io/image.h"
#include "models/classifier_file.h"
#include "models/data/dataset.h"

namespace engram::apps {

/// The packed file of a batch within a run folder: batches/batch_0007.safetensors.
std::filesystem::path batch_file(const std::filesystem::path& run, std::int64_t batch);

/// Writes the packed file of a batch, with a checksum of its content in the metadata "sha256".
void write_batch(const std::filesystem::path& run, std::int64_t batch, const ImageDataset& data);

/// Whether the file of a batch is there. Throws DataError for one whose content is not as write_batch() left it, or
/// that holds another number of images.
bool has_batch(const std::filesystem::path& run, std::int64_t batch, std::int64_t images, int num_classes);

/// A batch as a data set named "synthetic", whose classes and normalisation are the classifier's.
ImageDataset synthetic_batch(std::vector<std::uint8_t> pixels, std::vector<std::int32_t> labels,
                             const Classifier& classifier);

/// Writes samples/s<label>_<class>/<batch>_output_<index>.png for every image of a batch: "s03_cat", or "s03" where
/// classes have no names. In class names, all but ASCII letters, digits and "-" become "_".
void write_sample_pngs(const std::filesystem::path& run, const ImageDataset& batch, std::int64_t batch_index);

/// Joins the files of these batches into samples.safetensors, which open_dataset reads. Returns its path.
std::filesystem::path pack_batches(const std::filesystem::path& run, const std::vector<std::int64_t>& batches,
                                   int num_classes);

/// Writes a picture of the batch, a column a class, of about `most` images, and returns it.
io::Image write_sheet(const std::filesystem::path& file, const ImageDataset& batch, dim_t most);

}  // namespace engram::apps
