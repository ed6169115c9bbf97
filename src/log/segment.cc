#include "log/segment.h"

#include "fmt/format.h"

namespace headrace {
namespace {

void check_stays(const Segment& segment) {
  if (!segment.gone && !segment.swapping) return;
  throw Error(Code::kNotFound, fmt::format("segment {} was removed or replaced", segment.path()));
}

}  // namespace

awaitable<std::shared_ptr<File>> OpenFiles::open(std::shared_ptr<Segment> segment) {
  if (!segment->file) {
    check_stays(*segment);
    const std::string path = segment->path();
    std::shared_ptr<File> file = co_await on_pool(pool_, [&] { return files_.open(path, Files::Mode::kWrite); });
    check_stays(*segment);
    if (!segment->file) opened(segment, std::move(file));
  } else {
    used_.splice(used_.end(), used_, segment->opened_at);
  }
  co_return segment->file;
}

void OpenFiles::opened(const std::shared_ptr<Segment>& segment, std::shared_ptr<File> file) {
  close(*segment);
  segment->file = std::move(file);
  segment->opened_at = used_.insert(used_.end(), segment);
  while (used_.size() > count_max_) {
    const std::shared_ptr<Segment> oldest = used_.front().lock();
    if (oldest) {
      oldest->file.reset();
      if (oldest->closed) oldest->drop_index();
    }
    used_.pop_front();
  }
}

void OpenFiles::close(Segment& segment) {
  if (!segment.file) return;
  segment.file.reset();
  used_.erase(segment.opened_at);
}

}  // namespace headrace
