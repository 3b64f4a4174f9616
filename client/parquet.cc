// The Parquet writer, over Apache Arrow's own C++ library.
//
// The only C++ of the project: there is no writer of Parquet in C that is kept up, and Parquet is too much format to
// write again (pages, levels, statistics, footers, each with versions that readers disagree about). What pandas, DuckDB
// and Spark are tested against is Arrow's writer. Everything C sees of it is parquet.h.
//
// A row group is gathered in Arrow builders, one a column, and written when the caller ends it. Bytes are a function of
// the input: one thread, no time stamps, metadata in the order given, the library's version in `created_by`.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <arrow/util/key_value_metadata.h>
#include <parquet/arrow/writer.h>

#define _Noreturn [[noreturn]]  // C's word, which C++ does not know
extern "C" {
#include "client/parquet.h"
}

struct parquet_file {
    std::string path;
    std::string partial;
    int descriptor = -1;  // ours, for the sync; the stream writes through a duplicate
    std::shared_ptr<arrow::io::FileOutputStream> stream;
    std::shared_ptr<arrow::Schema> schema;
    std::vector<std::shared_ptr<arrow::ArrayBuilder>> builders;
    std::vector<std::string> keys, values;
    std::unique_ptr<parquet::arrow::FileWriter> writer;

    ~parquet_file()
    {
        if (descriptor >= 0)
            ::close(descriptor);
    }
};

namespace {

enum patron_code failed(const struct parquet_file *p, const arrow::Status &status, struct error *error)
{
    return error_set(error, PATRON_IO, "cannot write %s: %s", p->partial.c_str(), status.message().c_str());
}

enum patron_code system_failed(const std::string &path, struct error *error)
{
    return error_set(error, PATRON_IO, "cannot write %s: %s", path.c_str(), strerror(errno));
}

std::shared_ptr<arrow::DataType> arrow_type(enum parquet_type type)
{
    switch (type) {
    case PARQUET_DOUBLE:
        return arrow::float64();
    case PARQUET_INT64:
        return arrow::int64();
    case PARQUET_BOOL:
        return arrow::boolean();
    case PARQUET_TEXT:
        return arrow::utf8();
    case PARQUET_TIME:
        return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
    case PARQUET_DECIMAL:
        return arrow::decimal128(38, 6);
    }
    IMPOSSIBLE("a column type outside the list");
}

arrow::Status open_writer(struct parquet_file *p, const struct parquet_column *columns, size_t column_count)
{
    std::vector<std::shared_ptr<arrow::Field>> fields;
    for (size_t i = 0; i < column_count; i++) {
        fields.push_back(arrow::field(columns[i].name, arrow_type(columns[i].type)));
        std::unique_ptr<arrow::ArrayBuilder> builder;
        ARROW_RETURN_NOT_OK(arrow::MakeBuilder(arrow::default_memory_pool(), fields.back()->type(), &builder));
        p->builders.push_back(std::move(builder));
    }
    p->schema = arrow::schema(fields);
    int duplicate = ::dup(p->descriptor);
    if (duplicate < 0)
        return arrow::Status::IOError(strerror(errno));
    ARROW_ASSIGN_OR_RAISE(p->stream, arrow::io::FileOutputStream::Open(duplicate));
    auto properties = parquet::WriterProperties::Builder()
                          .compression(parquet::Compression::ZSTD)
                          ->enable_statistics()
                          ->version(parquet::ParquetVersion::PARQUET_2_6)
                          ->build();
    auto arrow_properties = parquet::ArrowWriterProperties::Builder().set_use_threads(false)->build();
    ARROW_ASSIGN_OR_RAISE(p->writer, parquet::arrow::FileWriter::Open(*p->schema, arrow::default_memory_pool(),
                                         p->stream, properties, arrow_properties));
    return arrow::Status::OK();
}

arrow::Status end_group(struct parquet_file *p)
{
    int64_t rows = p->builders.front()->length();
    for (const auto &builder : p->builders)
        CHECK(builder->length() == rows);
    if (rows == 0)
        return arrow::Status::OK();
    ARROW_RETURN_NOT_OK(p->writer->NewRowGroup());
    for (const auto &builder : p->builders) {
        std::shared_ptr<arrow::Array> cells;
        ARROW_RETURN_NOT_OK(builder->Finish(&cells));
        ARROW_RETURN_NOT_OK(p->writer->WriteColumnChunk(*cells));
    }
    return arrow::Status::OK();
}

arrow::Status finish(struct parquet_file *p)
{
    ARROW_RETURN_NOT_OK(end_group(p));
    if (!p->keys.empty())
        ARROW_RETURN_NOT_OK(p->writer->AddKeyValueMetadata(arrow::key_value_metadata(p->keys, p->values)));
    ARROW_RETURN_NOT_OK(p->writer->Close());
    return p->stream->Close();
}

// The rename must survive a power cut too, so the directory is synced.
bool put_in_place(struct parquet_file *p)
{
    if (::fsync(p->descriptor) != 0 || ::rename(p->partial.c_str(), p->path.c_str()) != 0)
        return false;
    size_t slash = p->path.rfind('/');
    std::string directory = slash == std::string::npos ? "." : p->path.substr(0, slash + 1);
    int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return false;
    bool synced = ::fsync(descriptor) == 0;
    ::close(descriptor);
    return synced;
}

template <typename Builder> Builder *builder_of(struct parquet_file *p, size_t column)
{
    CHECK(column < p->builders.size());
    Builder *builder = dynamic_cast<Builder *>(p->builders[column].get());
    CHECK(builder != nullptr);
    return builder;
}

// Arrow throws for what its Status does not cover (memory, internal errors of Parquet): no exception may meet C.
template <typename Work> enum patron_code guarded(struct parquet_file *p, struct error *error, Work work)
{
    try {
        arrow::Status status = work();
        return status.ok() ? PATRON_OK : failed(p, status, error);
    } catch (const std::exception &exception) {
        return failed(p, arrow::Status::UnknownError(exception.what()), error);
    }
}

}  // namespace

extern "C" enum patron_code parquet_open(struct parquet_file **opened, const char *path,
    const struct parquet_column *columns, size_t column_count, struct error *error)
{
    *opened = nullptr;
    CHECK(column_count > 0);
    auto p = std::make_unique<struct parquet_file>();
    p->path = path;
    p->partial = p->path + ".partial";
    p->descriptor = ::open(p->partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (p->descriptor < 0)
        return system_failed(p->partial, error);
    enum patron_code code =
        guarded(p.get(), error, [&] { return open_writer(p.get(), columns, column_count); });
    if (code != PATRON_OK) {
        ::unlink(p->partial.c_str());
        return code;
    }
    *opened = p.release();
    return PATRON_OK;
}

extern "C" enum patron_code parquet_append_doubles(struct parquet_file *file, size_t column, const double *values,
    const uint8_t *valid, size_t count, struct error *error)
{
    return guarded(file, error, [&] {
        return builder_of<arrow::DoubleBuilder>(file, column)
            ->AppendValues(values, static_cast<int64_t>(count), valid);
    });
}

extern "C" enum patron_code parquet_append_integers(struct parquet_file *file, size_t column, const int64_t *values,
    const uint8_t *valid, size_t count, struct error *error)
{
    return guarded(file, error, [&] {
        int64_t cells = static_cast<int64_t>(count);
        if (file->schema->field(static_cast<int>(column))->type()->id() == arrow::Type::TIMESTAMP)
            return builder_of<arrow::TimestampBuilder>(file, column)->AppendValues(values, cells, valid);
        return builder_of<arrow::Int64Builder>(file, column)->AppendValues(values, cells, valid);
    });
}

extern "C" enum patron_code parquet_append_flags(struct parquet_file *file, size_t column, const int *values,
    const uint8_t *valid, size_t count, struct error *error)
{
    return guarded(file, error, [&] {
        auto builder = builder_of<arrow::BooleanBuilder>(file, column);
        for (size_t i = 0; i < count; i++)
            ARROW_RETURN_NOT_OK(!valid || valid[i] ? builder->Append(values[i] != 0) : builder->AppendNull());
        return arrow::Status::OK();
    });
}

extern "C" enum patron_code parquet_append_decimals(struct parquet_file *file, size_t column, const uint8_t *values,
    const uint8_t *valid, size_t count, struct error *error)
{
    return guarded(file, error, [&] {
        auto builder = builder_of<arrow::Decimal128Builder>(file, column);
        for (size_t i = 0; i < count; i++) {
            arrow::Decimal128 decimal(values + 16 * i);
            ARROW_RETURN_NOT_OK(!valid || valid[i] ? builder->Append(decimal) : builder->AppendNull());
        }
        return arrow::Status::OK();
    });
}

extern "C" enum patron_code parquet_append_text(
    struct parquet_file *file, size_t column, const void *data, size_t length, bool valid, struct error *error)
{
    return guarded(file, error, [&] {
        auto builder = builder_of<arrow::StringBuilder>(file, column);
        auto text = static_cast<const uint8_t *>(data);
        return valid ? builder->Append(text, static_cast<int32_t>(length)) : builder->AppendNull();
    });
}

extern "C" enum patron_code parquet_end_group(struct parquet_file *file, struct error *error)
{
    return guarded(file, error, [&] { return end_group(file); });
}

extern "C" void parquet_add_metadata(struct parquet_file *file, const char *key, const char *value)
{
    file->keys.emplace_back(key);
    file->values.emplace_back(value);
}

extern "C" enum patron_code parquet_close(struct parquet_file *file, struct error *error)
{
    enum patron_code code = guarded(file, error, [&] { return finish(file); });
    if (code == PATRON_OK && !put_in_place(file))
        code = system_failed(file->path, error);
    if (code != PATRON_OK)
        ::unlink(file->partial.c_str());
    delete file;
    return code;
}

extern "C" void parquet_drop(struct parquet_file *file)
{
    if (!file)
        return;
    ::unlink(file->partial.c_str());
    // Without its footer the file is of no use to anyone, and closing the writer would only write one.
    delete file;
}
