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
  if (segment->idle_at) forget(*segment->idle_at);
  segment->file = std::move(file);
  segment->opened_at = used_.insert(used_.end(), segment);
  while (used_.size() > count_max_) {
    const std::shared_ptr<Segment> oldest = used_.front().lock();
    if (oldest) {
      oldest->file.reset();
      if (oldest->closed && oldest->index_loaded) keep_index(oldest);
    }
    used_.pop_front();
  }
}

void OpenFiles::keep_index(const std::shared_ptr<Segment>& segment) {
  const size_t bytes = segment->index.bytes();
  segment->idle_at = idle_.insert(idle_.end(), {segment, bytes});
  idle_bytes_ += bytes;
  while (idle_bytes_ > idle_bytes_max_) {
    if (const std::shared_ptr<Segment> oldest = idle_.front().segment.lock()) oldest->drop_index();
    forget(idle_.begin());
  }
}

void OpenFiles::forget(std::list<IdleIndex>::iterator idle) {
  if (const std::shared_ptr<Segment> segment = idle->segment.lock()) segment->idle_at.reset();
  idle_bytes_ -= idle->bytes;
  idle_.erase(idle);
}

void OpenFiles::close(Segment& segment) {
  if (!segment.file) return;
  segment.file.reset();
  used_.erase(segment.opened_at);
}

}  // namespace headrace
