"""The application: data sets, synthetic scenes and the Open Images downloader."""

from pumpkin import own_library

own_library.load()
