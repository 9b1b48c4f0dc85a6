"""The application: data sets, synthetic scenes and the Open Images downloader."""
