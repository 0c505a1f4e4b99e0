"""Shows jobs as a page: the data of ``report``, and the page itself."""
