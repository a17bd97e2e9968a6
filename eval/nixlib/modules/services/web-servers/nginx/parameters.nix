# What every nginx is told about kinds of files, and what it tells servers of FastCGI and uWSGI.
{ lib }:
let
  types = {
    "application/atom+xml" = "atom";
    "application/epub+zip" = "epub";
    "application/gzip" = "gz";
    "application/java-archive" = "jar war ear";
    "application/json" = "json map";
    "application/ld+json" = "jsonld";
    "application/manifest+json" = "webmanifest";
    "application/msword" = "doc";
    "application/ogg" = "ogx";
    "application/pdf" = "pdf";
    "application/postscript" = "ps eps ai";
    "application/rss+xml" = "rss";
    "application/rtf" = "rtf";
    "application/vnd.ms-excel" = "xls";
    "application/vnd.ms-fontobject" = "eot";
    "application/vnd.ms-powerpoint" = "ppt";
    "application/vnd.oasis.opendocument.presentation" = "odp";
    "application/vnd.oasis.opendocument.spreadsheet" = "ods";
    "application/vnd.oasis.opendocument.text" = "odt";
    "application/vnd.openxmlformats-officedocument.presentationml.presentation" = "pptx";
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" = "xlsx";
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document" = "docx";
    "application/wasm" = "wasm";
    "application/x-7z-compressed" = "7z";
    "application/x-bzip2" = "bz2";
    "application/x-nix-nar" = "nar";
    "application/x-tar" = "tar";
    "application/x-x509-ca-cert" = "der pem crt";
    "application/x-xz" = "xz";
    "application/xhtml+xml" = "xhtml";
    "application/zip" = "zip";
    "application/zstd" = "zst";
    "audio/flac" = "flac";
    "audio/midi" = "mid midi";
    "audio/mp4" = "m4a";
    "audio/mpeg" = "mp3";
    "audio/ogg" = "ogg oga opus";
    "audio/wav" = "wav";
    "font/collection" = "ttc";
    "font/otf" = "otf";
    "font/ttf" = "ttf";
    "font/woff" = "woff";
    "font/woff2" = "woff2";
    "image/avif" = "avif";
    "image/bmp" = "bmp";
    "image/gif" = "gif";
    "image/jpeg" = "jpeg jpg";
    "image/jxl" = "jxl";
    "image/png" = "png";
    "image/svg+xml" = "svg svgz";
    "image/tiff" = "tif tiff";
    "image/vnd.microsoft.icon" = "ico";
    "image/webp" = "webp";
    "text/calendar" = "ics";
    "text/css" = "css";
    "text/csv" = "csv";
    "text/html" = "html htm shtml";
    "text/javascript" = "js mjs";
    "text/markdown" = "md";
    "text/plain" = "txt log conf";
    "text/vcard" = "vcf";
    "text/xml" = "xml xsd xsl";
    "video/mp2t" = "ts";
    "video/mp4" = "mp4";
    "video/mpeg" = "mpeg mpg";
    "video/ogg" = "ogv";
    "video/quicktime" = "mov";
    "video/webm" = "webm";
    "video/x-matroska" = "mkv";
    "video/x-msvideo" = "avi";
  };

  shared = {
    CONTENT_LENGTH = "$content_length";
    CONTENT_TYPE = "$content_type";
    DOCUMENT_ROOT = "$document_root";
    DOCUMENT_URI = "$document_uri";
    HTTPS = "$https if_not_empty";
    QUERY_STRING = "$query_string";
    REMOTE_ADDR = "$remote_addr";
    REMOTE_PORT = "$remote_port";
    REQUEST_METHOD = "$request_method";
    REQUEST_SCHEME = "$scheme";
    REQUEST_URI = "$request_uri";
    SERVER_NAME = "$server_name";
    SERVER_PORT = "$server_port";
    SERVER_PROTOCOL = "$server_protocol";
  };

  fastcgi = shared // {
    GATEWAY_INTERFACE = "CGI/1.1";
    REDIRECT_STATUS = "200";
    REMOTE_USER = "$remote_user";
    SCRIPT_FILENAME = "$document_root$fastcgi_script_name";
    SCRIPT_NAME = "$fastcgi_script_name";
    SERVER_ADDR = "$server_addr";
    SERVER_SOFTWARE = "nginx/$nginx_version";
  };

  uwsgi = shared // {
    PATH_INFO = "$document_uri";
  };

  directives =
    directive: lib.mapAttrsToList (name: value: "${directive} ${name} ${value};");
in
{
  mimeTypes =
    "types {\n"
    + lib.concatStrings (lib.mapAttrsToList (type: suffixes: "  ${type} ${suffixes};\n") types)
    + "}\n";

  parameters = lib.concatMapStrings (line: "${line}\n") (
    directives "fastcgi_param" fastcgi ++ directives "uwsgi_param" uwsgi
  );
}
