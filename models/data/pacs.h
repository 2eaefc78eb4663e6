#pragma once
/// Reader of PACS: seven classes in four domains (Li, Yang, Song, Hospedales 2017, "Deeper, broader and artier domain
/// generalization").

#include <filesystem>

#include "models/data/environments.h"

namespace engram {

/// The domains in their customary order: art_painting, cartoon, photo, sketch.
const std::vector<std::string>& pacs_domains();

/// The authors' lists of a domain: 90 % for training, 10 % for validation, and all of it, for a domain that was left
/// out of training.
enum class PacsPart { kTrain, kCrossval, kTest };

/// Reads these domains (none named: all four) as one set whose second labels are the domains, in the order given. In
/// `folder`, for a domain D: D-64-images-idx4-ubyte (or another side than 64; the largest that is there, or `side`
/// where it is not 0), D-labels-idx1-ubyte, splits/D-{train,crossval,test}.txt with the indices of the part, one a
/// line. Constants are ImageNet's, as in DomainBed. Throws UsageError for an unknown domain or one named twice, IoError
/// that names a missing file, DataError for damaged content.
ImageDataset read_pacs(const std::filesystem::path& folder, const std::vector<std::string>& domains, PacsPart part,
                       dim_t side = 0);

/// Every domain that is there as an environment, whole, in the order of pacs_domains(); second labels are the domains.
/// From IDX files as read_pacs, or else from the folders of the original images, DOMAIN/CLASS/*.jpg (of any size; they
/// are brought to `side` pixels where that is not 0). Constants are ImageNet's. Throws IoError where fewer than two
/// domains are there, and as read_pacs and read_image_folder.
Environments read_pacs_environments(const std::filesystem::path& folder, dim_t side = 0);

/// Whether the folder holds the labels of a domain of PACS.
bool has_pacs(const std::filesystem::path& folder);

}  // namespace engram
