// A file's content is what its readers see; next to it stands the list of writes since the last sync, each with the
// bytes that it replaced. So a sync forgets the list, and a power cut undoes it and redoes a part of it: both cost what
// was written, not what the file holds. Names work likewise: the names that all see, those that are durable, and the
// list of changes between the two.
#include "runtime/faulty_files.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "fmt/format.h"

namespace headrace {
namespace {

constexpr uint64_t kSectorBytes = 512;

struct UnsyncedWrite {
  bool resize = false;  // else it writes `bytes` at `position`
  uint64_t position = 0;
  std::string bytes;
  std::string before;  // what stood at `position`
  uint64_t size_before = 0;
  uint64_t size_after = 0;
};

struct Node {
  bool folder = false;
  bool linked = true;  // has a name
  std::string content;
  std::vector<UnsyncedWrite> unsynced;
  // What the disk holds without the unsynced writes. Only after a failed sync, when `content` cannot be undone to it.
  std::optional<std::string> diverged;
};

using Names = std::map<std::string, std::shared_ptr<Node>>;

// Changes that happen together or not at all. A null node takes the name away.
using NameChange = std::vector<std::pair<std::string, std::shared_ptr<Node>>>;

void put(std::string& image, uint64_t position, std::string_view bytes) {
  if (image.size() < position + bytes.size()) image.resize(position + bytes.size());
  image.replace(position, bytes.size(), bytes);
}

void undo(std::string& image, const UnsyncedWrite& write) {
  image.resize(write.size_before);
  image.replace(write.position, write.before.size(), write.before);
}

void redo(std::string& image, const UnsyncedWrite& write) {
  if (!write.resize) {
    put(image, write.position, write.bytes);
  } else if (write.size_after > write.size_before) {
    image.resize(std::max<uint64_t>(image.size(), write.size_after));
  } else {
    image.resize(std::min<uint64_t>(image.size(), write.size_after));
  }
}

std::string normal(const std::string& path) {
  std::string result;
  for (const char next : path) {
    if (next != '/' || result.empty() || result.back() != '/') result.push_back(next);
  }
  if (result.size() > 1 && result.back() == '/') result.pop_back();
  return result;
}

void apply_change(Names& names, const NameChange& change) {
  for (const auto& [path, node] : change) {
    if (node != nullptr) {
      names[path] = node;
    } else {
      names.erase(path);
    }
  }
}

// How likely a single unsynced write survives a power cut. All and nothing are as likely as the mixtures.
uint64_t draw_survival_percent(Random& random) {
  constexpr uint64_t kPercents[] = {0, 10, 50, 90, 100};
  return kPercents[random.below(std::size(kPercents))];
}

// Takes the node's unsynced writes and returns what the disk holds when they are interrupted.
std::string interrupt(Node& node, Random& random) {
  std::string image;
  if (node.diverged.has_value()) {
    image = std::move(*node.diverged);
    node.diverged.reset();
  } else {
    image = node.content;
    for (auto write = node.unsynced.rbegin(); write != node.unsynced.rend(); ++write) undo(image, *write);
  }
  std::vector<UnsyncedWrite> writes = std::exchange(node.unsynced, {});
  const uint64_t percent = draw_survival_percent(random);
  if (random.one_in(2)) std::shuffle(writes.begin(), writes.end(), random);
  for (const UnsyncedWrite& write : writes) {
    if (write.resize || !random.one_in(4)) {
      if (random.below(100) < percent) redo(image, write);
      continue;
    }
    std::string_view rest = write.bytes;
    for (uint64_t position = write.position; !rest.empty();) {
      const size_t part = std::min<uint64_t>(rest.size(), kSectorBytes - position % kSectorBytes);
      if (random.below(100) < percent) put(image, position, rest.substr(0, part));
      position += part;
      rest.remove_prefix(part);
    }
  }
  return image;
}

Error power_is_off() {
  return Error(Code::kIo, "the power was cut");
}

}  // namespace

struct FaultyFiles::Disk {
  explicit Disk(uint64_t seed) : random(seed) {}

  mutable std::mutex mutex;
  Random random;
  Faults faults;
  Names names;          // as all see them
  Names durable_names;  // as a power cut leaves them, without `name_changes`
  std::vector<NameChange> name_changes;
  std::set<std::string> locks;
  uint64_t used_bytes = 0;
  uint64_t mutations = 0;
  uint64_t cut_at = 0;  // 0: never
  uint64_t epoch = 0;   // counts power cuts
  bool off = false;

  void require_power() const {
    if (off) throw power_is_off();
  }

  // Makes a change that is not durable by itself; the power may go just after it.
  template <typename F>
  void mutate(F change) {
    require_power();
    if (++mutations != cut_at) return change();
    try {
      change();
    } catch (const Error&) {
      switch_off();  // which hides it
    }
    switch_off();
  }

  // Makes a change that makes others durable; the power may go just before it.
  template <typename F>
  void mutate_durably(F change) {
    require_power();
    if (++mutations != cut_at) return change();
    switch_off();
  }

  [[noreturn]] void switch_off() {
    cut();
    off = true;
    throw power_is_off();
  }

  void cut() {
    ++epoch;
    locks.clear();
    const uint64_t percent = draw_survival_percent(random);
    // A name's later change never survives without its earlier one: file systems keep that order.
    std::set<std::string> lost;
    for (const NameChange& change : std::exchange(name_changes, {})) {
      const bool depends_on_lost =
          std::any_of(change.begin(), change.end(), [&](const auto& entry) { return lost.contains(entry.first); });
      if (!depends_on_lost && random.below(100) < percent) {
        apply_change(durable_names, change);
      } else {
        for (const auto& [path, node] : change) lost.insert(path);
      }
    }
    for (auto at = durable_names.begin(); at != durable_names.end();) {
      at = is_folder(durable_names, folder_of(at->first)) ? std::next(at) : durable_names.erase(at);
    }
    for (const auto& [path, node] : names) node->linked = false;
    names = durable_names;
    used_bytes = 0;
    for (const auto& [path, node] : names) {
      node->linked = true;
      node->content = interrupt(*node, random);
      used_bytes += node->content.size();
    }
  }

  static bool is_folder(const Names& in, const std::string& path) {
    if (path == "/" || path == ".") return true;
    const auto found = in.find(path);
    return found != in.end() && found->second->folder;
  }

  std::shared_ptr<Node> find(const std::string& path, const char* doing) const {
    const auto found = names.find(path);
    if (found == names.end()) throw Error(Code::kNotFound, fmt::format("{} {}: there is no such file", doing, path));
    return found->second;
  }

  void change_names(NameChange change) {
    for (const auto& [path, node] : change) {
      const auto old = names.find(path);
      if (old == names.end() || old->second == node) continue;
      old->second->linked = false;
      used_bytes -= old->second->content.size();
    }
    for (const auto& [path, node] : change) {
      if (node == nullptr || node->linked) continue;
      node->linked = true;
      used_bytes += node->content.size();
    }
    apply_change(names, change);
    name_changes.push_back(std::move(change));
  }

  // Also makes durable the earlier changes of the same names, which may be in other folders.
  void sync_names(const std::string& folder) {
    std::vector<bool> wanted(name_changes.size());
    std::set<std::string> needed;
    for (size_t i = name_changes.size(); i-- > 0;) {
      for (const auto& [path, node] : name_changes[i]) {
        if (folder_of(path) == folder || needed.contains(path)) wanted[i] = true;
      }
      if (!wanted[i]) continue;
      for (const auto& [path, node] : name_changes[i]) needed.insert(path);
    }
    std::vector<NameChange> left;
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (wanted[i]) {
        apply_change(durable_names, name_changes[i]);
      } else {
        left.push_back(std::move(name_changes[i]));
      }
    }
    name_changes = std::move(left);
  }

  void resize(Node& node, uint64_t size) {
    if (node.linked) used_bytes += size - node.content.size();
    node.content.resize(size);
  }

  // As much of the growth to `size` as there is space for.
  uint64_t room_for(const Node& node, uint64_t size) const {
    if (size <= node.content.size()) return size;
    const uint64_t free = used_bytes < faults.space_bytes_max ? faults.space_bytes_max - used_bytes : 0;
    return node.content.size() + std::min(size - node.content.size(), free);
  }

  void write(Node& node, uint64_t position, std::string_view bytes) {
    const uint64_t size_before = node.content.size();
    const uint64_t size_after = std::max<uint64_t>(size_before, position + bytes.size());
    UnsyncedWrite& write = node.unsynced.emplace_back(UnsyncedWrite{
        .position = std::min(position, size_before), .size_before = size_before, .size_after = size_after});
    // A write beyond the end includes the gap, so that the zeros in it are undone and redone with it.
    write.bytes.assign(position - write.position, '\0');
    write.bytes.append(bytes);
    write.before = node.content.substr(write.position, write.bytes.size());
    resize(node, size_after);
    node.content.replace(position, bytes.size(), bytes);
  }

  void set_size(Node& node, uint64_t size) {
    UnsyncedWrite change{.resize = true, .size_before = node.content.size(), .size_after = size};
    change.position = std::min<uint64_t>(size, node.content.size());
    change.before = node.content.substr(change.position);
    node.unsynced.push_back(std::move(change));
    resize(node, size);
  }
};

namespace {

// One in n, where 0 means never.
bool happens(Random& random, uint64_t one_in) {
  return one_in != 0 && random.one_in(one_in);
}

}  // namespace

class FaultyFiles::FaultyFile final : public File {
 public:
  FaultyFile(Disk& disk, std::string path, std::shared_ptr<Node> node, bool writable, bool locked)
      : disk_(disk),
        path_(std::move(path)),
        node_(std::move(node)),
        writable_(writable),
        locked_(locked),
        epoch_(disk.epoch) {}

  ~FaultyFile() override {
    const std::lock_guard lock(disk_.mutex);
    if (locked_ && epoch_ == disk_.epoch) disk_.locks.erase(path_);
  }

  size_t read_at(uint64_t position, char* to, size_t size) override {
    const std::lock_guard lock(disk_.mutex);
    require_open();
    if (position >= node_->content.size()) return 0;
    return node_->content.copy(to, size, position);
  }

  void write_at(uint64_t position, std::string_view bytes) override {
    const std::lock_guard lock(disk_.mutex);
    require_writable();
    disk_.mutate([&] {
      if (happens(disk_.random, disk_.faults.write_fails_one_in)) {
        const uint64_t done = disk_.random.below(bytes.size() + 1) / kSectorBytes * kSectorBytes;
        if (done > 0 && disk_.room_for(*node_, position + done) >= position + done) {
          disk_.write(*node_, position, bytes.substr(0, done));
        }
        throw Error(Code::kIo, fmt::format("writing {}: the disk failed", path_));
      }
      const uint64_t end = disk_.room_for(*node_, position + bytes.size());
      const bool full = end < position + bytes.size();
      if (full) bytes = bytes.substr(0, end > position ? end - position : 0);
      if (!bytes.empty()) disk_.write(*node_, position, bytes);
      if (full) fail_for_space("writing");
    });
  }

  void sync() override {
    const std::lock_guard lock(disk_.mutex);
    require_open();
    disk_.mutate_durably([&] {
      if (happens(disk_.random, disk_.faults.sync_fails_one_in)) {
        // Readers go on to see what the page cache has; the disk has what reached it, and will get no more of it.
        node_->diverged = interrupt(*node_, disk_.random);
        throw Error(Code::kIo, fmt::format("syncing {}: the disk failed", path_));
      }
      if (node_->diverged.has_value()) {
        for (const UnsyncedWrite& write : node_->unsynced) redo(*node_->diverged, write);
      }
      node_->unsynced.clear();
    });
  }

  uint64_t size() override {
    const std::lock_guard lock(disk_.mutex);
    require_open();
    return node_->content.size();
  }

  void truncate(uint64_t size) override {
    const std::lock_guard lock(disk_.mutex);
    require_writable();
    disk_.mutate([&] {
      if (disk_.room_for(*node_, size) < size) fail_for_space("truncating");
      if (size != node_->content.size()) disk_.set_size(*node_, size);
    });
  }

  void preallocate(uint64_t size) override {
    const std::lock_guard lock(disk_.mutex);
    require_writable();
    disk_.mutate([&] {
      if (happens(disk_.random, disk_.faults.write_fails_one_in)) {
        throw Error(Code::kIo, fmt::format("preallocating {}: the disk failed", path_));
      }
      const uint64_t end = disk_.room_for(*node_, size);
      if (end > node_->content.size()) disk_.set_size(*node_, end);
      if (end < size) fail_for_space("preallocating");
    });
  }

  void reserve(uint64_t size) override { preallocate(size); }

 private:
  void require_open() const {
    if (epoch_ != disk_.epoch) throw power_is_off();
    disk_.require_power();
  }
  void require_writable() const {
    require_open();
    if (!writable_) throw Error(Code::kIo, fmt::format("writing {}: it was opened for reading", path_));
  }
  [[noreturn]] void fail_for_space(const char* doing) const {
    throw Error(Code::kOutOfSpace, fmt::format("{} {}: no space left on the disk", doing, path_));
  }

  Disk& disk_;
  const std::string path_;
  const std::shared_ptr<Node> node_;
  const bool writable_;
  const bool locked_;
  const uint64_t epoch_;
};

FaultyFiles::FaultyFiles(uint64_t seed) : disk_(std::make_unique<Disk>(seed)) {}
FaultyFiles::~FaultyFiles() = default;

void FaultyFiles::set_faults(Faults faults) {
  const std::lock_guard lock(disk_->mutex);
  disk_->faults = faults;
}

void FaultyFiles::power_cut() {
  const std::lock_guard lock(disk_->mutex);
  disk_->cut();
}

void FaultyFiles::power_cut_after(uint64_t mutations) {
  check(mutations > 0, "the power is cut at a call to come");
  const std::lock_guard lock(disk_->mutex);
  disk_->cut_at = disk_->mutations + mutations;
}

void FaultyFiles::restore_power() {
  const std::lock_guard lock(disk_->mutex);
  disk_->off = false;
  disk_->cut_at = 0;
}

uint64_t FaultyFiles::mutations() const {
  const std::lock_guard lock(disk_->mutex);
  return disk_->mutations;
}

uint64_t FaultyFiles::flip_bit(const std::string& path) {
  const std::lock_guard lock(disk_->mutex);
  Node& node = *disk_->find(normal(path), "damaging");
  check(!node.content.empty(), "there is a bit to flip");
  const uint64_t position = disk_->random.below(node.content.size());
  const auto mask = static_cast<char>(1 << disk_->random.below(8));
  node.content[position] = static_cast<char>(node.content[position] ^ mask);
  if (node.diverged.has_value() && position < node.diverged->size()) {
    (*node.diverged)[position] = static_cast<char>((*node.diverged)[position] ^ mask);
  }
  return position;
}

std::unique_ptr<File> FaultyFiles::open(const std::string& given, Mode mode) {
  const std::lock_guard lock(disk_->mutex);
  disk_->require_power();
  const std::string path = normal(given);
  const auto found = disk_->names.find(path);
  if (found != disk_->names.end()) {
    if (mode == Mode::kCreateNew) throw Error(Code::kConflict, fmt::format("creating {}: it exists already", path));
    if (found->second->folder) throw Error(Code::kIo, fmt::format("opening {}: it is a folder", path));
    return std::make_unique<FaultyFile>(*disk_, path, found->second, mode != Mode::kRead, false);
  }
  if (mode == Mode::kRead || mode == Mode::kWrite || !Disk::is_folder(disk_->names, folder_of(path))) {
    throw Error(Code::kNotFound, fmt::format("opening {}: there is no such file or folder", path));
  }
  auto node = std::make_shared<Node>();
  disk_->mutate([&] { disk_->change_names({{path, node}}); });
  return std::make_unique<FaultyFile>(*disk_, path, std::move(node), true, false);
}

bool FaultyFiles::exists(const std::string& path) {
  const std::lock_guard lock(disk_->mutex);
  disk_->require_power();
  return disk_->names.contains(normal(path)) || Disk::is_folder(disk_->names, normal(path));
}

std::vector<std::string> FaultyFiles::list(const std::string& given) {
  const std::lock_guard lock(disk_->mutex);
  disk_->require_power();
  const std::string folder = normal(given);
  if (!Disk::is_folder(disk_->names, folder)) {
    throw Error(Code::kNotFound, fmt::format("listing {}: there is no such folder", folder));
  }
  std::vector<std::string> result;
  for (const auto& [path, node] : disk_->names) {
    if (folder_of(path) == folder) result.push_back(path.substr(path.find_last_of('/') + 1));
  }
  std::sort(result.begin(), result.end());
  return result;
}

void FaultyFiles::make_folders(const std::string& given) {
  const std::lock_guard lock(disk_->mutex);
  const std::string path = normal(given);
  std::vector<std::string> missing;
  for (std::string at = path; !Disk::is_folder(disk_->names, at); at = folder_of(at)) {
    if (disk_->names.contains(at)) throw Error(Code::kIo, fmt::format("making the folder {}: {} is a file", path, at));
    missing.push_back(at);
  }
  std::reverse(missing.begin(), missing.end());
  for (const std::string& folder : missing) {
    disk_->mutate_durably([&] {
      auto node = std::make_shared<Node>();
      node->folder = true;
      disk_->change_names({{folder, std::move(node)}});
      disk_->sync_names(folder_of(folder));
    });
  }
}

void FaultyFiles::rename(const std::string& given_from, const std::string& given_to) {
  const std::lock_guard lock(disk_->mutex);
  disk_->require_power();
  const std::string from = normal(given_from);
  const std::string to = normal(given_to);
  disk_->find(from, "renaming");
  if (!Disk::is_folder(disk_->names, folder_of(to))) {
    throw Error(Code::kNotFound, fmt::format("renaming {} to {}: there is no such folder", from, to));
  }
  if (from == to) return;
  NameChange change;
  for (const auto& [path, node] : disk_->names) {
    if (path != from && !path.starts_with(from + "/")) continue;
    change.emplace_back(to + path.substr(from.size()), node);
    change.emplace_back(path, nullptr);
  }
  disk_->mutate([&] { disk_->change_names(std::move(change)); });
}

void FaultyFiles::remove(const std::string& given) {
  const std::lock_guard lock(disk_->mutex);
  disk_->require_power();
  const std::string path = normal(given);
  disk_->find(path, "removing");
  const auto inside = disk_->names.lower_bound(path + "/");
  if (inside != disk_->names.end() && inside->first.starts_with(path + "/")) {
    throw Error(Code::kIo, fmt::format("removing {}: the folder is not empty", path));
  }
  disk_->mutate([&] { disk_->change_names({{path, nullptr}}); });
}

void FaultyFiles::remove_all(const std::string& given) {
  const std::lock_guard lock(disk_->mutex);
  disk_->require_power();
  const std::string path = normal(given);
  std::vector<std::string> doomed;
  for (const auto& [name, node] : disk_->names) {
    if (name == path || name.starts_with(path + "/")) doomed.push_back(name);
  }
  // What is inside goes first, one by one: a power cut leaves a part.
  for (auto name = doomed.rbegin(); name != doomed.rend(); ++name) {
    disk_->mutate([&] { disk_->change_names({{*name, nullptr}}); });
  }
}

void FaultyFiles::sync_directory(const std::string& given) {
  const std::lock_guard lock(disk_->mutex);
  disk_->require_power();
  const std::string path = normal(given);
  if (!Disk::is_folder(disk_->names, path)) {
    throw Error(Code::kNotFound, fmt::format("syncing {}: there is no such folder", path));
  }
  disk_->mutate_durably([&] {
    if (happens(disk_->random, disk_->faults.sync_fails_one_in)) {
      throw Error(Code::kIo, fmt::format("syncing {}: the disk failed", path));
    }
    disk_->sync_names(path);
  });
}

std::unique_ptr<File> FaultyFiles::lock(const std::string& given) {
  const std::string path = normal(given);
  open(path, Mode::kCreate);
  const std::lock_guard lock(disk_->mutex);
  disk_->require_power();
  if (!disk_->locks.insert(path).second) {
    throw Error(Code::kUnavailable, fmt::format("{} is locked by another process", path));
  }
  return std::make_unique<FaultyFile>(*disk_, path, disk_->find(path, "locking"), true, true);
}

}  // namespace headrace
