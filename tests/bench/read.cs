// Reads every entry of a zip to its end, as .NET programs do, and compares one of them with a file:
// `read ZIP ENTRY LIKE`. ZipArchive of these versions does not check the checksum itself.
using System;
using System.IO;
using System.IO.Compression;

static class Read
{
    static int Main(string[] arguments)
    {
        using (var archive = new ZipArchive(File.OpenRead(arguments[0]), ZipArchiveMode.Read))
        {
            foreach (var entry in archive.Entries)
            {
                using (var stream = entry.Open())
                using (var like = entry.FullName == arguments[1] ? File.OpenRead(arguments[2]) : null)
                {
                    var buffer = new byte[1 << 16];
                    var other = new byte[1 << 16];
                    long total = 0;
                    for (int read; (read = stream.Read(buffer, 0, buffer.Length)) > 0; total += read)
                    {
                        for (int all = 0, now; like != null && all < read; all += now)
                        {
                            now = like.Read(other, all, read - all);
                            if (now == 0) { throw new InvalidDataException(entry.FullName + " is too long"); }
                        }
                        for (int at = 0; like != null && at < read; at++)
                        {
                            if (buffer[at] != other[at]) { throw new InvalidDataException(entry.FullName); }
                        }
                    }
                    var length = like == null ? entry.Length : like.Length;
                    if (total != length) { throw new InvalidDataException(entry.FullName + " is too short"); }
                }
            }
        }
        return 0;
    }
}
