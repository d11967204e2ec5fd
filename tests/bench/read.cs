// Reads every entry of a zip to its end, as .NET programs do. A wrong size or checksum is an exception.
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
                {
                    var buffer = new byte[1 << 16];
                    long total = 0;
                    for (int read; (read = stream.Read(buffer, 0, buffer.Length)) > 0; total += read) { }
                    if (total != entry.Length) { throw new InvalidDataException(entry.FullName); }
                    Console.WriteLine(entry.FullName + " " + total);
                }
            }
        }
        return 0;
    }
}
