// SPDX-License-Identifier: MIT
/*
 * names.c - which names a store may have.
 */
#include "kselftest_harness.h"
#include "device.h"

static int try_name(const char *name, __u32 len)
{
	struct spl_ioc_create c = create_arg("", small(1));
	struct spl_ioc_unlink u = { .size = sizeof(u), .name = (uintptr_t)name, .name_len = len };
	int fd = dev_open(O_RDWR), ret;

	c.name = (uintptr_t)name;
	c.name_len = len;
	ret = call(fd, SPL_IOC_CREATE, &c);
	if (!ret)
		ret = call(fd, SPL_IOC_DESTROY, &u);
	close(fd);
	return ret;
}

#define TRY(s) try_name(s, sizeof(s) - 1)

TEST(good_names)
{
	static const char *const good[] = {
		"a",
		"...",
		".a",
		"..a",
		"a.",
		"with space",
		"k\xc3\xb6nig",
		"\xe6\x97\xa5\xe6\x9c\xac",
		"\xf0\x9f\x98\x80",
		"-",
		"%s%n",
		"\xf4\x8f\xbf\xbf",
		"\xed\x9f\xbf",
		"\xc2\xa0",
	};
	char longest[SPL_NAME_MAX];
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		EXPECT_EQ(0, try_name(good[i], strlen(good[i])))
		{
			TH_LOG("name %zu", i);
		}
	memset(longest, 'x', sizeof(longest));
	EXPECT_EQ(0, try_name(longest, sizeof(longest)));
}

TEST(empty_dots_slashes_and_controls_are_refused)
{
	EXPECT_EQ(-EINVAL, try_name("", 0));
	EXPECT_EQ(-EINVAL, TRY("."));
	EXPECT_EQ(-EINVAL, TRY(".."));
	EXPECT_EQ(-EINVAL, TRY("a/b"));
	EXPECT_EQ(-EINVAL, TRY("/"));
	EXPECT_EQ(-EINVAL, TRY("a\0b"));
	EXPECT_EQ(-EINVAL, TRY("a\n"));
	EXPECT_EQ(-EINVAL, TRY("\x1b[31m"));
	EXPECT_EQ(-EINVAL, TRY("\x7f"));
	EXPECT_EQ(-EINVAL, TRY("\xc2\x85"));
}

TEST(too_long_names_are_refused)
{
	char name[300];

	memset(name, 'x', sizeof(name));
	EXPECT_EQ(-ENAMETOOLONG, try_name(name, 256));
	EXPECT_EQ(-ENAMETOOLONG, try_name(name, 300));
	EXPECT_EQ(-ENAMETOOLONG, try_name(name, ~0U));
}

TEST(what_is_not_utf8_is_refused)
{
	EXPECT_EQ(-EILSEQ, TRY("\x80"));
	EXPECT_EQ(-EILSEQ, TRY("a\xff"));
	EXPECT_EQ(-EILSEQ, TRY("\xc3"));
	EXPECT_EQ(-EILSEQ, TRY("\xc0\xaf"));
	EXPECT_EQ(-EILSEQ, TRY("\xe0\x80\xaf"));
	EXPECT_EQ(-EILSEQ, TRY("\xed\xa0\x80"));
	EXPECT_EQ(-EILSEQ, TRY("\xf0\x80\x80\xaf"));
	EXPECT_EQ(-EILSEQ, TRY("\xf4\x90\x80\x80"));
	EXPECT_EQ(-EILSEQ, TRY("\xf8\x88\x80\x80\x80"));
	EXPECT_EQ(-EILSEQ, TRY("\xe6\x97"));
	EXPECT_EQ(-EILSEQ, TRY("\xc3("));
}

TEST_HARNESS_MAIN
