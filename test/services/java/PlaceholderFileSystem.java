package floe.test;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;

/**
 * Stands for an object store in a Hive Metastore, which makes a folder for every table and
 * looks whether it is there, but never at the data. The folders lie below
 * {@code floe.placeholder.folder}.
 */
public class PlaceholderFileSystem extends RawLocalFileSystem {
  private URI uri;
  private File root;

  @Override
  public void initialize(URI name, Configuration configuration) throws IOException {
    uri = URI.create(name.getScheme() + "://" + name.getAuthority());
    root = new File(configuration.get("floe.placeholder.folder"), name.getAuthority());
    root.mkdirs();
    super.initialize(name, configuration);
  }

  @Override
  public URI getUri() {
    return uri == null ? super.getUri() : uri;
  }

  @Override
  public File pathToFile(Path path) {
    return new File(root, path.toUri().getPath());
  }

  @Override
  public FileStatus getFileStatus(Path path) throws IOException {
    FileStatus status = super.getFileStatus(path);
    status.setPath(path);
    return status;
  }
}
