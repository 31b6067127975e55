/** Ant Design in our colours: the mapping of design-language §5. Severity colours stay outside Ant on purpose. */
import { theme as antd, type ThemeConfig } from "antd";
import { token, type Theme } from "./tokens";

export function antdTheme(theme: Theme): ThemeConfig {
  const t = (name: string): string => token(theme, name);
  const shadow = "0 1px 2px rgba(20,32,38,.06), 0 4px 14px rgba(20,32,38,.10)";
  return {
    cssVar: { key: `anlan-${theme}` },
    algorithm: theme === "dark" ? antd.darkAlgorithm : antd.defaultAlgorithm,
    token: {
      colorPrimary: t("accent"), colorLink: t("accent"), colorInfo: t("accent"), colorLinkHover: t("accenth"),
      colorSuccess: t("ink2"), colorWarning: t("a3t"), colorError: t("a2t"),
      colorBgLayout: t("ground"), colorBgContainer: t("raised"), colorBgElevated: t("raised"),
      colorFillAlter: t("panel"), colorFillTertiary: t("panel"),
      colorText: t("ink"), colorTextSecondary: t("ink2"), colorTextTertiary: t("ink3"), colorTextQuaternary: t("dis"),
      colorTextPlaceholder: t("ink3"), colorTextDisabled: t("ink3"), colorTextLightSolid: t("onaccent"),
      colorBorder: t("line3"), colorBorderSecondary: t("line"), controlItemBgActive: t("soft"), controlOutline: t("soft"),
      boxShadow: shadow, boxShadowSecondary: shadow, boxShadowTertiary: "none",
      fontFamily: "var(--font)", fontSize: 13, fontSizeSM: 12, fontSizeLG: 16,
      controlHeight: 32, controlHeightSM: 28, controlHeightLG: 44,
      borderRadius: 4, borderRadiusSM: 3, borderRadiusLG: 6, sizeUnit: 4, sizeStep: 4,
      motionDurationFast: "0.08s", motionDurationMid: "0.16s", motionDurationSlow: "0.16s",
      wireframe: false,
    },
    components: {
      Table: { cellPaddingBlock: 6, headerBg: "transparent", headerColor: t("ink3"), rowSelectedBg: t("soft"), rowSelectedHoverBg: t("soft") },
      Button: { primaryShadow: "none", defaultShadow: "none", dangerShadow: "none", fontWeight: 400, defaultBorderColor: t("line2") },
      Tabs: { inkBarColor: t("accent") },
    },
  };
}
