#pragma once
/// How the names of class folders become labels.

#include <string>
#include <vector>

namespace engram {

/// Most classes of a set whose number of classes is not known.
inline constexpr int kMaxClasses = 100000;

/// What is known of the classes before a set is read: those of the classifier that will see it, or of the training set
/// that it belongs to.
struct KnownClasses {
  int count = 0;                   ///< 0: not known
  std::vector<std::string> names;  ///< in label order; empty: not known
};

/// Classes of these names, as Classifier::class_names has them. Names that are the labels' numbers are none.
KnownClasses known_classes(const std::vector<std::string>& names);

/// Class folders with their labels.
struct ClassFolders {
  struct Folder {
    std::string name;
    int label;
  };
  std::vector<Folder> folders;           ///< in the order of labels
  std::vector<std::string> class_names;  ///< of all classes; those without a folder have the known name or their number
  std::string note;                      ///< one line that says which folder has which label; empty where folder i of n
                                         ///< has label i of n and nothing was guessed
};

/// Labels the folders by the first rule that holds:
///  1. s<digits>, or that and _ and a name (s00, s03_cat, as inversion writes them): the number is the label; other
///     folders are passed over.
///  2. Each is the name of a known class, or is but for case, spaces, - and _: that class.
///  3. Each is a number: that label. So "2" comes before "10".
///  4. The number of classes, but no name, is known, and each is a name of the one standard set of that size that has
///     them all (CIFAR-10, CIFAR-100, its superclasses, Fashion-MNIST): that set's label.
///  5. No names are known, and either nothing is, or there are as many folders as classes: their place in byte order.
/// Throws DataError, which says what would settle it, where none holds, two folders have one label, or a label is not
/// below the known count. `source` is the folder that they are in.
ClassFolders label_class_folders(const std::vector<std::string>& names, const KnownClasses& known,
                                 const std::string& source);

}  // namespace engram
